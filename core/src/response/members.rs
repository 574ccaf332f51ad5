//! Members of the API's objects, read liberally: any may be missing or of another type.

use std::borrow::Cow;

use crate::response::json::{Kind, Malformed, Reader};

/// The most results and error objects that are read from one body: twenty times what one call can
/// ask for leaves room for liberal servers, and a hostile one cannot fill the memory.
pub(crate) const MAX_ITEMS: usize = 200_000;

pub(crate) type Read<T> = Result<T, Malformed>;

/// A body's text without a byte order mark.
pub(crate) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a member. The same one twice is not an answer that can be trusted.
pub(crate) fn once<'a, T>(
    slot: &mut Option<T>,
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Read<T>,
) -> Read<()> {
    if slot.is_some() {
        return Err(reader.malformed("a member that stands twice"));
    }
    *slot = Some(read(reader)?);
    Ok(())
}

/// Reads the members of an object; a value of another kind has none.
pub(crate) fn members<'a>(reader: &mut Reader<'a>, member: impl FnMut(&mut Reader<'a>, &str) -> Read<()>) -> Read<()> {
    match reader.peek()? {
        Kind::Object => reader.object(member),
        _ => reader.skip(),
    }
}

/// A string; another value roughly as it is written. The raw text has it in full.
pub(crate) fn word<'a>(reader: &mut Reader<'a>) -> Read<Option<Cow<'a, str>>> {
    let shown = match reader.peek()? {
        Kind::String => return reader.string().map(Some),
        Kind::Number => return Ok(Some(reader.number()?.into())),
        Kind::True => Some("true".into()),
        Kind::False => Some("false".into()),
        Kind::Object => Some("{…}".into()),
        Kind::Array => Some("[…]".into()),
        Kind::Null => None,
    };
    reader.skip()?;
    Ok(shown)
}

/// The same, to keep.
pub(crate) fn text(reader: &mut Reader<'_>) -> Read<Option<String>> {
    Ok(word(reader)?.map(Cow::into_owned))
}

/// A string; another value as it is written.
pub(crate) fn json(reader: &mut Reader<'_>) -> Read<Option<String>> {
    match reader.peek()? {
        Kind::String => return Ok(Some(reader.string()?.into_owned())),
        Kind::Null => return reader.skip().map(|()| None),
        _ => {}
    }
    let start = reader.rest();
    reader.skip()?;
    Ok(start.get(..start.len() - reader.rest().len()).map(str::to_owned))
}

/// Error objects: one, or a list; a bare text is an error's detail. Null, false and an empty text
/// are none.
pub(crate) fn errors<'a, E>(
    reader: &mut Reader<'a>,
    object: impl Fn(&mut Reader<'a>) -> Read<E>,
    of_detail: impl Fn(String) -> E,
) -> Read<Vec<E>> {
    let error = |reader: &mut Reader<'a>| match reader.peek()? {
        Kind::Object => object(reader).map(Some),
        Kind::Null | Kind::False => reader.skip().map(|()| None),
        _ => Ok(text(reader)?.filter(|detail| !detail.is_empty()).map(&of_detail)),
    };
    let mut errors = Vec::new();
    match reader.peek()? {
        Kind::Array => reader.array(|reader| {
            if errors.len() == MAX_ITEMS {
                return Err(reader.malformed("too many error objects"));
            }
            if let Some(error) = error(reader)? {
                // Mostly there is one: of its own accord a list makes room for four.
                errors.reserve_exact(usize::from(errors.is_empty()));
                errors.push(error);
            }
            Ok(())
        })?,
        _ => errors.extend(error(reader)?),
    }
    Ok(errors)
}

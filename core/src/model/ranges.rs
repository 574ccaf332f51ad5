//! Ids and ranges of them, as people write them and read them: `38-41,50`.

#[cfg(feature = "cli")]
use crate::model::id::{self, RawId};

/// The ids of a list such as `38-41,50`, or what must be otherwise. `most`: more of them make no sense.
#[cfg(feature = "cli")]
pub(crate) fn read(written: &[String], most: usize) -> Result<Vec<u64>, String> {
    let mut ids = Vec::new();
    for item in written {
        let item = item.trim();
        let (first, last) = match item.split_once('-') {
            Some((first, last)) => (id::parse(first.trim_end()), id::parse(last.trim_start())),
            None => (id::parse(item), id::parse(item)),
        };
        let (Some(first), Some(last)) = (first, last) else {
            return Err(format!("must be ids and ranges of ids, such as 38-41,50, not {}", RawId::from(item)));
        };
        if first > last {
            return Err(format!("must have the smaller id of a range first, not {}", RawId::from(item)));
        }
        if last - first >= most.saturating_sub(ids.len()) as u64 {
            return Err(format!("must name {most} files at most: that is all there are, and {item} is too many"));
        }
        ids.extend(first..=last);
    }
    Ok(ids)
}

/// Ids as [`read`] takes them, in ranges where they follow each other.
#[cfg(feature = "cli")]
pub(crate) fn written(ids: &[u64]) -> String {
    ranges(ids).join(",")
}

/// Ids in ranges where they follow each other, no more than the first few.
pub(crate) fn excerpt(ids: &[u64]) -> String {
    first(8, ids)
}

/// Ids in ranges where they follow each other, so many of these at most.
pub(crate) fn first(most: usize, ids: &[u64]) -> String {
    let ranges = ranges(ids);
    let shown = ranges.iter().take(most).cloned().collect::<Vec<_>>().join(",");
    if ranges.len() > most { shown + ",…" } else { shown }
}

/// Each id or range of three and more.
fn ranges(ids: &[u64]) -> Vec<String> {
    ids.chunk_by(|before, after| before.checked_add(1) == Some(*after))
        .flat_map(|run| match run {
            [first, _, .., last] => vec![format!("{first}-{last}")],
            few => few.iter().map(u64::to_string).collect(),
        })
        .collect()
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    fn read(written: &str, most: usize) -> Result<Vec<u64>, String> {
        super::read(&written.split(',').map(str::to_owned).collect::<Vec<_>>(), most)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (ids, text) in [
            (vec![38, 39, 40, 41, 50], "38-41,50"),
            (vec![38, 39], "38,39"),
            (vec![41, 40, 39], "41,40,39"),
            (vec![7, 8, 9, 1, 2, 3, id::MAX_ID], "7-9,1-3,9007199254740991"),
        ] {
            assert_eq!(written(&ids), text);
            assert_eq!(read(text, 9), Ok(ids));
        }
        assert_eq!(read("038 - 40, 50", 4), Ok(vec![38, 39, 40, 50]));
        assert_eq!(excerpt(&[1, 3, 5, 7, 9, 11, 13, 15, 17]), "1,3,5,7,9,11,13,15,…");
    }

    #[test]
    fn what_is_neither_an_id_nor_a_range_is_named() {
        for (written, reason) in [
            ("x", "must be ids and ranges of ids, such as 38-41,50, not \"x\""),
            ("38-", "must be ids and ranges"),
            ("-38", "must be ids and ranges"),
            ("38-40-42", "must be ids and ranges"),
            ("0-4", "must be ids and ranges"),
            ("38,", "must be ids and ranges of ids, such as 38-41,50, not \"\""),
            ("1,41-38", "must have the smaller id of a range first, not \"41-38\""),
            ("1-9007199254740991", "must name 9 files at most"),
            ("1-9,10", "must name 9 files at most"),
            ("1-9007199254740992", "must be ids and ranges"),
        ] {
            let refused = read(written, 9).err().unwrap_or_default();
            assert!(refused.starts_with(reason), "{written}: {refused}");
        }
    }
}

//! The API's error objects about a whole request: in a refusal, or beside the results of an answer.

use crate::model::api_error::ApiError;
use crate::response::json::{Kind, Reader};
use crate::response::members::{self, Read, json, once, unmarked};

/// The error objects of a refusal; none where the body is plain text or HTML.
pub(crate) fn api_errors(body: &str) -> Vec<ApiError> {
    const MAX_LENGTH: usize = 1 << 20;
    let refusal = Some(unmarked(body)).filter(|body| body.len() <= MAX_LENGTH).map(refusal);
    refusal.and_then(Result::ok).unwrap_or_default()
}

fn refusal(body: &str) -> Read<Vec<ApiError>> {
    const MAX_ERRORS: usize = 100;
    let mut reader = Reader::new(body);
    let mut errors = None;
    reader.object(|reader, key| match key {
        "errors" if reader.peek()? == Kind::Array => once(&mut errors, reader, |reader| {
            let mut objects = Vec::new();
            reader.array(|reader| match reader.peek()? {
                Kind::Object if objects.len() < MAX_ERRORS => {
                    objects.push(object(reader)?);
                    Ok(())
                }
                _ => reader.skip(),
            })?;
            Ok(objects)
        }),
        _ => reader.skip(),
    })?;
    reader.end()?;
    Ok(errors.unwrap_or_default())
}

/// The errors that stand beside results.
pub(crate) fn beside_results(reader: &mut Reader<'_>) -> Read<Vec<ApiError>> {
    members::errors(reader, object, |detail| ApiError { detail: Some(detail), ..ApiError::default() })
}

fn object(reader: &mut Reader<'_>) -> Read<ApiError> {
    let (mut status, mut code, mut title, mut detail, mut source) = (None, None, None, None, None);
    reader.object(|reader, key| match key {
        "status" => once(&mut status, reader, json),
        "code" => once(&mut code, reader, json),
        "title" => once(&mut title, reader, json),
        "detail" => once(&mut detail, reader, json),
        "source" => once(&mut source, reader, json),
        _ => reader.skip(),
    })?;
    Ok(ApiError {
        status: status.flatten(),
        code: code.flatten(),
        title: title.flatten(),
        detail: detail.flatten(),
        source: source.flatten(),
    })
}

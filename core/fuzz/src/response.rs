//! A body, read without any network.

use addepar_portal::{FileState, PublishReport};

use crate::promises;

/// False: the input names no files.
pub fn check(input: &[u8]) -> bool {
    let Some((request, body)) = promises::split(input) else { return false };
    let result = PublishReport::from_response(&request, body);
    promises::keep(&request, &result);
    let report = match &result {
        Ok(report) => report,
        Err(error) => {
            let report = error.report().expect("a report");
            assert_eq!(report.count(FileState::Unknown), report.files().len(), "a body proves nothing");
            report
        }
    };
    assert_eq!(report.raw(), String::from_utf8_lossy(body));
    if let Some(ok) = promises::plainly_ok(&request, report.raw()) {
        assert!(report.in_state(FileState::Ok).all(|file| ok.contains(&file.file_id)), "success was made up: {report}");
    }
    true
}

//! What looks at generated reports prove about files whose outcome is unknown. No I/O.
//!
//! `has_been_published` is weak evidence: it is false after a fully processed call where nobody wanted the file, it may
//! lag behind, and it says nothing of e-mails. So little follows from it:
//!
//! | decision | what has to be seen |
//! | --- | --- |
//! | `not_published` | `portal_publishing` was `publish`; 10 minutes have passed since the intent and since the request was over; two looks at least 2 minutes apart since then, and every look there ever was, show false; a control, which is a file that was false before its own request and was answered `success`, shows true now, and did so no later after its request than this file has waited; every file of the same chunk is shown, and none has turned true |
//! | `published` | a look before the intent shows false, and two looks at least 2 minutes apart since then show true |
//! | none | anything else: a person has to look |
//!
//! Time is what wall clock and, within one boot of the machine, monotonic clock say: the smaller for what has to have passed,
//! the larger for what may not. A look is before a request, or after it, if the order in the journal and the clock both say
//! so; one about which they differ proves nothing, and can only contradict.

use std::time::{Duration, SystemTime};

use crate::journal::history::{ChunkHistory, File, History};
use crate::journal::look::Look;
use crate::model::display::listed;
use crate::model::file_result::{Status, Verdict};
use crate::model::request::PortalPublishing;
use crate::model::settlement::SettledFile;
use crate::model::times::text;

/// Who decides, as a journal has it.
pub(crate) const BY: &str = "settle";
/// How long Addepar has to show what it did.
const LAG: Duration = Duration::from_secs(10 * 60);
/// How far apart two looks are.
pub(crate) const APART: Duration = Duration::from_secs(2 * 60);

/// How long the portal takes: as long as everybody's, unless it is a simulated one whose clock runs faster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    lag: Duration,
    apart: Duration,
}

impl Patience {
    /// `clock`: how many seconds pass at the portal in one of ours.
    pub(crate) fn new(clock: f64) -> Self {
        let scaled = |time: Duration| Duration::try_from_secs_f64(time.as_secs_f64() / clock).unwrap_or(time);
        Self { lag: scaled(LAG), apart: scaled(APART) }
    }

    /// How long to wait between two looks.
    pub(crate) fn apart(self) -> Duration {
        self.apart
    }
}

/// What is proven about each file whose outcome is unknown. `earlier` and `last`: this time's looks, in their order; `last`
/// has one at each report.
pub(crate) fn settle(history: &History, earlier: &[Look], last: &[Look], patience: Patience) -> Vec<SettledFile> {
    let case = Case::new(history, earlier, last, patience);
    let undecided = history.files().iter().filter(|file| file.is_undecided() && !last.is_empty());
    undecided
        .map(|file| {
            let (decision, evidence) = case.of(file);
            let portfolio_name = history.request().portfolio_name(file.id).map(str::to_owned);
            SettledFile { file_id: file.id, portfolio_name, decision, evidence }
        })
        .collect()
}

/// Whether some file was not looked at twice yet, long enough apart.
pub(crate) fn needs_another_look(history: &History, earlier: &[Look], last: &[Look], patience: Patience) -> bool {
    let case = Case::new(history, earlier, last, patience);
    history.files().iter().filter(|file| file.is_undecided()).any(|file| case.needs_another_look(file))
}

struct Case<'a> {
    history: &'a History,
    /// Every look in its order: earlier runs', and this time's.
    all: Vec<&'a Look>,
    /// The last one at each report.
    last: &'a [Look],
    patience: Patience,
}

impl<'a> Case<'a> {
    fn new(history: &'a History, earlier: &'a [Look], last: &'a [Look], patience: Patience) -> Self {
        Self { history, all: history.looks().iter().chain(earlier).chain(last).collect(), last, patience }
    }

    fn of(&self, file: &File) -> (Option<Verdict>, String) {
        let Some((chunk, sent_at)) = self.request_of(file) else {
            return (None, "The journal does not say when it was sent.".to_owned());
        };
        let Some(shown) = self.shown_now(file.id) else { return (None, self.silent(file.id)) };
        let (before, since) = (self.before(file.id, chunk), self.since(file.id, chunk));
        if !since.iter().any(|look| self.are_apart(look, shown)) {
            let (seen, minutes) = (Self::seen(&since, file.id), APART.as_secs() / 60);
            return (None, format!("{seen} Two looks at least {minutes} minutes apart are needed."));
        }
        if shown.says(file.id) == Some(true) {
            self.published(file.id, shown, before, &since)
        } else {
            self.not_published(file, shown, chunk, sent_at, &since)
        }
    }

    /// The request that a file went out with last, and when that was.
    fn request_of(&self, file: &File) -> Option<(&ChunkHistory, SystemTime)> {
        let chunk = self.history.chunk(file.chunk)?;
        Some((chunk, chunk.sent_at?))
    }

    /// The last look at a file; `None` if nothing was said, or the reports contradict each other.
    fn shown_now(&self, file_id: u64) -> Option<&Look> {
        let mut shown = self.last.iter().filter(|look| look.says(file_id).is_some());
        let first = shown.next()?;
        shown.all(|look| look.says(file_id) == first.says(file_id)).then_some(first)
    }

    /// Whether a look was before a request; `None` if the order in the journal and the clock contradict each other.
    fn is_before(&self, position: usize, chunk: &ChunkHistory) -> Option<bool> {
        let (look, sent_at) = (self.all.get(position)?, chunk.sent_at?);
        match (position < chunk.looks, look.at < sent_at) {
            (true, true) => Some(true),
            (false, false) => Some(false),
            _ => None,
        }
    }

    /// The looks that say something of a file, and were before its request, or after it, for certain.
    fn looks(&self, file_id: u64, chunk: &ChunkHistory, are_before: bool) -> impl DoubleEndedIterator<Item = &Look> {
        let is_wanted = move |position: &usize| self.is_before(*position, chunk) == Some(are_before);
        let looks = (0..self.all.len()).filter(is_wanted).filter_map(|position| self.all.get(position).copied());
        looks.filter(move |look| look.says(file_id).is_some())
    }

    /// The last look before a request that says something of a file.
    fn before(&self, file_id: u64, chunk: &ChunkHistory) -> Option<&Look> {
        self.looks(file_id, chunk, true).next_back()
    }

    /// The looks since a request that say something of a file.
    fn since(&self, file_id: u64, chunk: &ChunkHistory) -> Vec<&Look> {
        self.looks(file_id, chunk, false).collect()
    }

    fn needs_another_look(&self, file: &File) -> bool {
        let Some(((chunk, _), shown)) = self.request_of(file).zip(self.shown_now(file.id)) else { return false };
        !self.since(file.id, chunk).iter().any(|look| self.are_apart(look, shown))
    }

    fn are_apart(&self, look: &Look, later: &Look) -> bool {
        later.after(look.at, look.uptime.as_ref()) >= self.patience.apart
    }

    fn published(
        &self,
        file_id: u64,
        shown: &Look,
        before: Option<&Look>,
        since: &[&Look],
    ) -> (Option<Verdict>, String) {
        let seen = Self::seen(since, file_id);
        let mut apart = since.iter().filter(|look| self.are_apart(look, shown));
        let early = apart.any(|look| look.says(file_id) == Some(true));
        match before {
            None => (None, format!("{seen} Nobody looked before it was sent, so it may have been published earlier.")),
            Some(before) if before.says(file_id) == Some(true) => {
                (None, format!("{seen} It was shown as published before it was sent, too."))
            }
            Some(before) if early => (
                Some(Verdict::Published),
                format!("At {}, before it was sent, it was shown as not published. {seen}", text(before.at)),
            ),
            Some(_) => (None, format!("{seen} It has to be seen twice, {} minutes apart.", APART.as_secs() / 60)),
        }
    }

    fn not_published(
        &self,
        file: &File,
        shown: &Look,
        chunk: &ChunkHistory,
        sent_at: SystemTime,
        since: &[&Look],
    ) -> (Option<Verdict>, String) {
        let seen = Self::seen(since, file.id);
        let over_at = chunk.over_at.unwrap_or(sent_at);
        let waited = shown.after(sent_at, chunk.uptime.as_ref()).min(shown.after(over_at, None));
        if since.iter().any(|look| look.says(file.id) == Some(true)) {
            return (None, format!("{seen} These looks contradict each other."));
        }
        if self.all.iter().any(|look| look.says(file.id) == Some(true)) {
            return (None, format!("{seen} It was shown as published before it was sent."));
        }
        if self.history.request().portal_publishing() != PortalPublishing::Publish {
            return (None, format!("{seen} That proves nothing unless every contact was to receive it."));
        }
        if waited < self.patience.lag {
            let ready = text(over_at + self.patience.lag + Duration::from_secs(1));
            return (None, format!("{seen} Addepar may show it late: that counts from {ready} on."));
        }
        let turned: Vec<u64> = self.turned(chunk);
        if !turned.is_empty() {
            let others = listed(turned.into_iter());
            return (None, format!("{seen} Others of the same request have been published since{others}."));
        }
        let hidden: Vec<u64> =
            self.history.ids(chunk.positions()).into_iter().filter(|id| self.shown_now(*id).is_none()).collect();
        if !hidden.is_empty() {
            let others = listed(hidden.into_iter());
            return (
                None,
                format!("{seen} The reports do not say whether others of the same request were published{others}."),
            );
        }
        match self.control(waited) {
            Some(control) => (
                Some(Verdict::NotPublished),
                format!(
                    "{seen} File {control} of the same run was answered `success`, and is shown as published since then."
                ),
            ),
            None => (
                None,
                format!(
                    "{seen} The report may lag behind: no file of this run that was answered `success` is known to have turned \
                     from not published to published in it within {} s of its request, the time since this one's. Later it may \
                     be told.",
                    waited.as_secs(),
                ),
            ),
        }
    }

    /// The files of a request that may have been shown as published since it was sent only.
    fn turned(&self, chunk: &ChunkHistory) -> Vec<u64> {
        let is_shown = |id, is_wanted: fn(Option<bool>) -> bool| {
            let published = (0..).zip(&self.all).filter(|(_, look)| look.says(id) == Some(true));
            published.into_iter().any(|(position, _)| is_wanted(self.is_before(position, chunk)))
        };
        let ids = self.history.ids(chunk.positions()).into_iter();
        let has_turned =
            |id| is_shown(id, |before| before != Some(true)) && !is_shown(id, |before| before == Some(true));
        ids.filter(|id| has_turned(*id)).collect()
    }

    /// A file of this run whose publication is shown, no later after its request than `waited`.
    fn control(&self, waited: Duration) -> Option<u64> {
        let is_control = |file: &&File| {
            let Some((chunk, sent_at)) = self.request_of(file) else { return false };
            let in_time = |look: &&Look| {
                let delay = look.at_most_after(sent_at, chunk.uptime.as_ref());
                look.says(file.id) == Some(true) && delay.is_some_and(|delay| delay <= waited)
            };
            self.history.result(file).publish_status == Some(Status::Success)
                && self.before(file.id, chunk).is_some_and(|look| look.says(file.id) == Some(false))
                && self.shown_now(file.id).is_some_and(|look| look.says(file.id) == Some(true))
                && self.since(file.id, chunk).iter().any(in_time)
        };
        self.history.files().iter().find(is_control).map(|file| file.id)
    }

    fn seen(since: &[&Look], file_id: u64) -> String {
        let shown = |look: &&Look| {
            let how = if look.says(file_id) == Some(true) { "published" } else { "not published" };
            format!("{how} at {}", text(look.at))
        };
        let shown: Vec<String> = since.iter().map(shown).collect();
        format!("It was shown as {}.", shown.join(", as "))
    }

    fn silent(&self, file_id: u64) -> String {
        if self.all.iter().any(|look| look.says(file_id).is_some()) {
            return "The reports do not say now whether it was published.".to_owned();
        }
        "None of the reports says whether it was published.".to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::journal::record::{Chunk, Header, Record};
    use crate::model::attempt::{Attempt, Outcome};
    use crate::model::file_result::{FileResult, FileState};
    use crate::model::moment::Uptime;
    use crate::model::report::Beside;
    use crate::model::request::Asks;

    const MINUTE: u64 = 60;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn uptime(seconds: u64) -> Uptime {
        Uptime { boot: "b".to_owned(), millis: 1_000 * seconds }
    }

    /// A run of the chunks 1 (file 101, the control) and 2 (files 201 and 202), whose outcome is unknown.
    struct Story {
        header: Header,
        /// What was seen of the files before anything was sent, and when by the wall clock.
        before: Vec<(u64, bool)>,
        before_at: u64,
        control: FileResult,
        /// When the first and the second look were, in seconds after chunk 2 went out, and what was seen.
        looks: [(u64, Vec<(u64, bool)>); 2],
        /// The same on the monotonic clock.
        monotonic: Option<[u64; 2]>,
        clock: f64,
    }

    /// What a look shows if chunk 2 was never processed.
    fn seen() -> Vec<(u64, bool)> {
        vec![(101, true), (201, false), (202, false)]
    }

    impl Default for Story {
        fn default() -> Self {
            Self {
                header: Header::example(),
                before: vec![(101, false), (201, false), (202, false)],
                before_at: 0,
                control: FileResult::succeeded(101, Asks { publish: true, notify: true }),
                looks: [(10 * MINUTE, seen()), (12 * MINUTE, seen())],
                monotonic: None,
                clock: 1.0,
            }
        }
    }

    fn look(at_: u64, uptime: Option<Uptime>, seen: &[(u64, bool)]) -> Look {
        let ids = |wanted| seen.iter().filter(|(_, shown)| *shown == wanted).map(|(id, _)| *id).collect();
        Look { job_id: "a".to_owned(), at: at(at_), uptime, published: ids(true), not_published: ids(false) }
    }

    impl Story {
        fn told(self) -> Vec<(u64, Option<Verdict>, String)> {
            let chunk = |chunk, ids: &[u64]| Chunk { chunk, file_ids: ids.to_vec() };
            let mut history = History::begin(self.header, &[chunk(1, &[101]), chunk(2, &[201, 202])]).unwrap();
            let Look { published, not_published, .. } = look(0, None, &self.before);
            let ids = |ids: HashSet<u64>| ids.into_iter().collect();
            let before = Record::Look {
                job_id: "a".to_owned(),
                published: ids(published),
                not_published: ids(not_published),
                uptime: None,
            };
            history.apply(&before, at(self.before_at)).unwrap();
            let intent =
                |chunk, seconds| Record::Intent { chunk, attempt: 1, file_ids: None, uptime: Some(uptime(seconds)) };
            let attempt = Attempt {
                sent_at: None,
                answered_at: None,
                http_status: None,
                request_id: None,
                elapsed: Duration::ZERO,
                outcome: Outcome::Processed,
                retry_after: None,
            };
            history.apply(&intent(1, 1), at(1)).unwrap();
            let answer = Record::Outcome {
                chunk: 1,
                attempt: 1,
                outcome: Outcome::Processed,
                result: attempt,
                files: vec![self.control],
                beside: Beside::default(),
                raw: String::new(),
            };
            history.apply(&answer, at(2)).unwrap();
            history.apply(&intent(2, 3), at(3)).unwrap();
            let monotonic = |position: usize| self.monotonic.and_then(|times| Some(uptime(3 + times.get(position)?)));
            let looks: Vec<Look> =
                (0..).zip(&self.looks).map(|(position, (at, seen))| look(3 + at, monotonic(position), seen)).collect();
            let (earlier, last) = looks.split_at(1);
            let settled = settle(&history, earlier, last, Patience::new(self.clock));
            settled.into_iter().map(|file| (file.file_id, file.decision, file.evidence)).collect()
        }

        fn decisions(self) -> Vec<Option<Verdict>> {
            self.told().into_iter().map(|(_, decision, _)| decision).collect()
        }
    }

    const NOT_PUBLISHED: Option<Verdict> = Some(Verdict::NotPublished);
    const PUBLISHED: Option<Verdict> = Some(Verdict::Published);

    #[test]
    fn a_chunk_that_was_never_processed_is_proven_not_to_be() {
        assert_eq!(Story::default().decisions(), [NOT_PUBLISHED; 2]);
    }

    #[test]
    fn nothing_is_proven_sooner_than_ten_minutes_on_either_clock() {
        let seen = seen();
        let story = |seconds: u64| Story {
            looks: [(seconds - 2 * MINUTE, seen.clone()), (seconds, seen.clone())],
            ..Story::default()
        };
        assert_eq!(story(10 * MINUTE - 1).decisions(), [None; 2]);
        assert_eq!(story(10 * MINUTE).decisions(), [NOT_PUBLISHED; 2]);
        let monotonic = Some([8 * MINUTE - 1, 10 * MINUTE - 1]);
        assert_eq!(Story { monotonic, ..Story::default() }.decisions(), [None; 2], "the wall clock was put forward");
        let monotonic = Some([10 * MINUTE, 12 * MINUTE]);
        assert_eq!(Story { monotonic, ..story(10 * MINUTE - 1) }.decisions(), [None; 2], "it was put back");
        assert_eq!(Story { monotonic, ..Story::default() }.decisions(), [NOT_PUBLISHED; 2]);
    }

    #[test]
    fn two_looks_are_two_minutes_apart_on_either_clock() {
        let seen = seen();
        let looks = [(20 * MINUTE, seen.clone()), (22 * MINUTE - 1, seen.clone())];
        assert_eq!(Story { looks: looks.clone(), ..Story::default() }.decisions(), [None; 2]);
        let monotonic = Some([20 * MINUTE, 22 * MINUTE - 1]);
        let looks = [(20 * MINUTE, seen.clone()), (30 * MINUTE, seen)];
        assert_eq!(Story { looks, monotonic, ..Story::default() }.decisions(), [None; 2]);
    }

    #[test]
    fn a_portal_whose_clock_runs_faster_is_waited_for_less() {
        let seen = seen();
        let looks = [(8, seen.clone()), (10, seen)];
        assert_eq!(Story { looks: looks.clone(), clock: 60.0, ..Story::default() }.decisions(), [NOT_PUBLISHED; 2]);
        assert_eq!(Story { looks, clock: 59.0, ..Story::default() }.decisions(), [None; 2]);
    }

    #[test]
    fn without_a_control_nothing_is_not_published() {
        let is_left = |story: Story| assert_eq!(story.decisions(), [None; 2]);
        let lagging = vec![(101, false), (201, false), (202, false)];
        is_left(Story { looks: [(10 * MINUTE, lagging.clone()), (12 * MINUTE, lagging)], ..Story::default() });
        is_left(Story { before: vec![(101, true), (201, false), (202, false)], ..Story::default() });
        is_left(Story { before: vec![(201, false), (202, false)], ..Story::default() });
        is_left(Story { control: FileResult::unanswered(101, FileState::Failed), ..Story::default() });
        let missing = vec![(201, false), (202, false)];
        is_left(Story { looks: [(10 * MINUTE, missing.clone()), (12 * MINUTE, missing)], ..Story::default() });
    }

    #[test]
    fn a_control_that_was_shown_late_proves_nothing_about_a_file_that_waited_less() {
        // Chunk 2 went out two seconds after chunk 1, whose file was seen first 12 minutes and 2 seconds after.
        let (early, late) = (vec![(101, false), (201, false), (202, false)], seen());
        let looks = [(10 * MINUTE, early), (12 * MINUTE, late)];
        assert_eq!(Story { looks, ..Story::default() }.decisions(), [None; 2]);
    }

    #[test]
    fn half_a_chunk_that_turned_true_leaves_the_rest_to_a_person() {
        let seen = vec![(101, true), (201, true), (202, false)];
        let looks = [(10 * MINUTE, seen.clone()), (12 * MINUTE, seen)];
        assert_eq!(Story { looks: looks.clone(), ..Story::default() }.decisions(), [PUBLISHED, None]);
        // Published before: it has not turned.
        let before = vec![(101, false), (201, true), (202, false)];
        assert_eq!(Story { before, looks, ..Story::default() }.decisions(), [None, NOT_PUBLISHED]);
    }

    #[test]
    fn published_needs_a_look_before_and_two_since() {
        let (late, seen) = (vec![(101, true), (201, false), (202, true)], vec![(101, true), (201, true), (202, true)]);
        let looks = [(MINUTE, seen.clone()), (3 * MINUTE, seen.clone())];
        assert_eq!(Story { looks: looks.clone(), ..Story::default() }.decisions(), [PUBLISHED; 2]);
        let before = vec![(101, false), (201, false)];
        assert_eq!(Story { before, looks, ..Story::default() }.decisions(), [PUBLISHED, None]);
        let looks = [(MINUTE, late), (3 * MINUTE, seen)];
        assert_eq!(Story { looks, ..Story::default() }.decisions(), [None, PUBLISHED]);
    }

    #[test]
    fn looks_that_contradict_each_other_prove_nothing() {
        let (once, seen) = (vec![(101, true), (201, true), (202, false)], seen());
        let looks = [(10 * MINUTE, once), (12 * MINUTE, seen)];
        assert_eq!(Story { looks, ..Story::default() }.decisions(), [None; 2]);
    }

    #[test]
    fn a_file_that_was_once_shown_as_published_is_left_to_a_person() {
        let before = vec![(101, false), (201, true), (202, false)];
        assert_eq!(Story { before, ..Story::default() }.decisions(), [None, NOT_PUBLISHED]);
    }

    #[test]
    fn a_look_that_a_corrected_clock_puts_elsewhere_proves_nothing() {
        let story = |before: bool| Story {
            before: vec![(101, false), (201, before), (202, false)],
            before_at: 5 * MINUTE,
            ..Story::default()
        };
        assert_eq!(story(false).decisions(), [None; 2], "there is no control");
        assert_eq!(story(true).decisions(), [None; 2], "201 may have turned");
    }

    #[test]
    fn a_control_is_late_by_either_clock() {
        // By the wall clock the control was seen after 10 minutes, by the other one after 13.
        let looks = [(10 * MINUTE, seen()), (12 * MINUTE, seen())];
        let story = |monotonic| Story { looks: looks.clone(), monotonic: Some(monotonic), ..Story::default() };
        assert_eq!(story([13 * MINUTE, 15 * MINUTE]).decisions(), [None; 2]);
        assert_eq!(story([10 * MINUTE, 12 * MINUTE]).decisions(), [NOT_PUBLISHED; 2]);
    }

    #[test]
    fn other_modes_prove_nothing_about_files_that_are_shown_as_not_published() {
        for portal_publishing in [PortalPublishing::UseContactPreference, PortalPublishing::DoNotPublish] {
            let header = Header { portal_publishing, ..Header::example() };
            assert_eq!(Story { header, ..Story::default() }.decisions(), [None; 2]);
        }
    }

    #[test]
    fn a_field_that_is_left_out_proves_nothing() {
        let seen = vec![(101, true), (202, false)];
        let looks = [(10 * MINUTE, seen.clone()), (12 * MINUTE, seen)];
        let told = Story { looks, ..Story::default() }.told();
        let decisions: Vec<_> = told.iter().map(|(_, decision, _)| *decision).collect();
        assert_eq!(decisions, [None; 2], "the other one may have turned true unseen");
        assert_eq!(told.first().unwrap().2, "The reports do not say now whether it was published.");
    }

    #[test]
    fn the_evidence_says_what_was_seen() {
        let told = Story::default().told();
        assert_eq!(
            told.first().unwrap().2,
            "It was shown as not published at 2027-01-15T08:10:03Z, as not published at 2027-01-15T08:12:03Z. File 101 of \
             the same run was answered `success`, and is shown as published since then."
        );
    }
}

"""The client that waits for its calls, and the functions for a single call."""

from __future__ import annotations

from _collections_abc import Callable, Iterable
from os import PathLike

from . import _types
from ._drive import drive
from ._native import Progress, PublishReport
from ._settings import Settings, client_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    Token = str | Callable[[], str]


class PortalClient(Settings["Token"]):
    """A client for one firm. One client serves many threads at once.

    Arguments that are not given come from the environment: `ADDEPAR_FIRM_NAME`, `ADDEPAR_ENVIRONMENT`,
    `ADDEPAR_FIRM_ID`, `ADDEPAR_KEY_ID`, `ADDEPAR_KEY_SECRET`, `ADDEPAR_ACCESS_TOKEN`, `ADDEPAR_BASE_URL`.

    Args:
        firm_name: The firm's subdomain: `examplefirm` of examplefirm.addepar.com.
        environment: `production` (default), `development` or `sandbox`.
        firm_id: The firm's id.
        key_id: The API key.
        key_secret: Its secret.
        access_token: An OAuth 2.0 access token instead of the key, or a function that returns one. The
            function is asked once, and again once after a 401. What it raises is raised, with a
            `PortalError` as its cause.
        base_url: The whole base URL instead of `firm_name` and `environment`.
        timeout: Seconds for one attempt, waits excluded. Addepar itself takes up to 60.
        connect_timeout: Seconds for connecting.
        max_rate_limit_wait: Seconds that all waits for the rate limit may take together.
        proxy: The URL of an HTTP proxy, such as `http://USER:PASSWORD@HOST:PORT`; default: `HTTPS_PROXY`,
            `ALL_PROXY`, `NO_PROXY`.
        ca_file: A PEM file, or a folder of them, with certificates that are trusted beside the system's; default:
            `REQUESTS_CA_BUNDLE`.
        journal_dir: A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`). What one of them
            shows as sent is refused unless `repeat="allow"`.

    Raises:
        ConfigError: Settings are missing or contradict each other.
    """

    def publish_files(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport,
        *,
        portal_publishing: _types.PortalPublishing,
        contact_notification: _types.ContactNotification,
        publish_override_contact_ids: Iterable[_types.Id] = (),
        repeat: _types.Repeat = "refuse",
    ) -> PublishReport:
        """Publishes from 1 to 500 files with exactly one POST that the server may process.

        A partial failure is a result, not an exception: look at `report.ok` and `report.failed`.

        Ctrl-C raises `KeyboardInterrupt` at once, with an `OutcomeUnknownError` as its cause if the request had begun
        to go out. Python 3.10 may also raise it between the return of the report and its assignment to a variable:
        then it has no such cause although the files were processed. A journal (`journal_dir`) has the result in any
        case.

        Args:
            file_ids: From 1 to 500 distinct files: any iterable of ids, such as a list or one column of a
                data frame, but nothing whose fields or columns have names. Or a `GeneratedReport`: its files, with
                the names of their portfolios beside them.
            portal_publishing: Whose portals the files are published to: `publish` (every contact's),
                `use_contact_preference` or `do_not_publish`.
            contact_notification: Who is e-mailed: `notify` (every contact), `use_contact_preference` or
                `do_not_notify`.
            publish_override_contact_ids: Contacts who receive **every** file of the call.
            repeat: `allow` sends files that a journal in `journal_dir` shows as sent, if it is known what became of
                them. That includes files decided `published`, whose clients are e-mailed again, and files that were
                never processed and were left out. An unknown file stays refused, also one decided `leave`.
                Without `journal_dir` nothing is refused, and `allow` leaves out the warning of such files that this
                process has sent before.

        Raises:
            InputError: A value cannot be sent. Nothing was sent. `AlreadySentError` is one: earlier calls have sent
                some of the files.
            ConnectError: The server was never reached.
            RejectedError: The server refused the whole request.
            OutcomeUnknownError: The files may have been published and e-mailed. Look before you send again.
        """
        __tracebackhide__ = True
        return drive(
            self._start(
                file_ids,
                portal_publishing=portal_publishing,
                contact_notification=contact_notification,
                publish_override_contact_ids=publish_override_contact_ids,
                repeat=repeat,
            )
        )

    def publish_batch(
        self,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport | None = None,
        *,
        reports: Iterable[str] = (),
        skip_published: bool = False,
        portal_publishing: _types.PortalPublishing,
        contact_notification: _types.ContactNotification,
        publish_override_contact_ids: Iterable[_types.Id] = (),
        journal: str | PathLike[str],
        chunk_size: int = 100,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
        repeat: _types.Repeat = "refuse",
    ) -> PublishReport:
        """Publishes any number of files in chunks, one request at a time, with a journal.

        Called again with the same arguments and the same journal it continues where it ended: what was
        processed, or may have been, is never sent again.

        Ctrl-C stops it, and a warning is logged at once: the request in flight is awaited and recorded, then
        `KeyboardInterrupt` is raised with a `StoppedError` as its cause, or with the error of that request if it
        had one. A second one drops that request, whose files are then `unknown`.

        Args:
            file_ids: Distinct files, any number, or a `GeneratedReport`. May be left out if there are `reports`.
            reports: The ids of the jobs that the files came out of. They are looked at before anything is sent, at
                one request each. Without `file_ids`, all files of these reports are published: those that they have
                when the journal is made. What they have later, as of a job that was not over, is not sent, and the
                log warns of it whenever this is called again with the journal. The journal keeps what was seen, so
                that it can be settled: see `Journal.settle`.
            skip_published: Whether to leave out the files that these reports show as published already, when the
                journal is made. It does not say to whom they were published. Not beside `file_ids`: each file that
                is named is reported. Where every file is published, nothing is sent, and the report of the batch has
                no files and is `ok`.
            portal_publishing: As in `publish_files`.
            contact_notification: As in `publish_files`.
            publish_override_contact_ids: Contacts who receive **every** file of the batch.
            journal: A file that does not exist yet, or the journal of this batch.
            chunk_size: How many files go into one request, from 1 to 500. A crash makes up to this many
                unknown. A journal that is resumed keeps the size that it was made with; any other than that
                and the default is refused.
            on_progress: Called on this thread with a `Progress` at the beginning, after each chunk and at
                each wait. An exception in it stops the batch as Ctrl-C does.
            max_wait: Seconds that all waits for the rate limit may take together.
            pace: Whether to keep to the published limits (50 requests in 15 minutes, 1,000 in 24 hours)
                before the server has to refuse.
            stop_timeout: Seconds that a batch which is stopped waits for the request in flight; then the request is
                dropped, and its files are `unknown`. Default: as long as the client's `timeout` allows.
            repeat: `allow` sends files that a journal in `journal_dir` shows as sent, if it is known what became of
                them. That includes files decided `published`, whose clients are e-mailed again, and files that were
                never processed and were left out. An unknown file stays refused, also one decided `leave`.

        Raises:
            JournalError: The journal cannot be used, or waits for a decision about unknown files: then
                nothing more is sent. Its report says what was.
            OutcomeUnknownError: The outcome of a chunk is unknown. The batch stopped there.
            RejectedError, ConnectError: A chunk was not processed. The batch stopped there. Whatever the class:
                earlier chunks may have been processed, as the error's `outcome` and `report` say.
        """
        __tracebackhide__ = True
        return drive(
            self._start_batch(
                file_ids,
                reports=reports,
                skip_published=skip_published,
                portal_publishing=portal_publishing,
                contact_notification=contact_notification,
                publish_override_contact_ids=publish_override_contact_ids,
                journal=journal,
                chunk_size=chunk_size,
                on_progress=on_progress,
                max_wait=max_wait,
                pace=pace,
                stop_timeout=stop_timeout,
                repeat=repeat,
            )
        )

    def resume(
        self,
        journal: str | PathLike[str],
        *,
        on_progress: Callable[[Progress], object] | None = None,
        max_wait: float = 3600.0,
        pace: bool = False,
        stop_timeout: float | None = None,
    ) -> PublishReport:
        """Resumes the batch of a journal; see `publish_batch`.

        Files that a person found not to be published are sent, in chunks of their own.
        """
        __tracebackhide__ = True
        return drive(
            self._start_resume(
                journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
            )
        )

    def generated_report(self, job_id: str) -> _types.GeneratedReport:
        """What one job generated: its portfolios, their files, and whether each file was ever published.

        A GET, which changes nothing: it is repeated at most 2 more times after a lost connection or a 5xx, and
        waits for a 429 as any call does. Each request counts against the firm's quota. Ctrl-C ends it at once.

        Source: the vendor's page "Generated Reports". It needs the permission "Access to all tools and portfolios" or
        the scope `FILES`.

        Args:
            job_id: The job's id, a UUID.

        Raises:
            InputError: It cannot be an id of a job. Nothing was sent.
            PermissionDeniedError, RejectedError: The server does not show it, or not readably.
            ConnectError: No answer came. Nothing was published in any case.
        """
        __tracebackhide__ = True
        from ._generated_reports import read_report

        return read_report(drive(self._start_report(job_id)))

    def generated_reports(
        self,
        *,
        completed_after: _types.datetime | None = None,
        completed_before: _types.datetime | None = None,
        status: str | Iterable[str] | None = None,
        entity_id: _types.Id | None = None,
        group_id: _types.Id | None = None,
    ) -> _types.GeneratedReports:
        """Every generated report that passes the filters, the newest first; without filters, all.

        Each page of them is a request of its own; see `generated_report`.

        Args:
            completed_after: A datetime with a time zone; the API knows whole seconds.
            completed_before: Likewise.
            status: One of `FINISHED`, `ERROR` and `CANCELED`, or several.
            entity_id: The entity that the report is of.
            group_id: The group that the report is of.

        Raises:
            InputError: A value cannot be sent, such as a datetime without a zone. Nothing was sent.
            PermissionDeniedError, RejectedError, ConnectError: As in `generated_report`.
        """
        __tracebackhide__ = True
        from ._generated_reports import read_reports

        return read_reports(
            drive(
                self._start_reports(
                    completed_after=completed_after,
                    completed_before=completed_before,
                    status=status,
                    entity_id=entity_id,
                    group_id=group_id,
                )
            )
        )

    def close(self) -> None:
        """Does nothing: no connection outlives its call. It is here for `with` and `contextlib.closing`."""

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self.close()


def publish_files(
    file_ids: Iterable[_types.Id] | _types.GeneratedReport,
    *,
    portal_publishing: _types.PortalPublishing,
    contact_notification: _types.ContactNotification,
    publish_override_contact_ids: Iterable[_types.Id] = (),
    repeat: _types.Repeat = "refuse",
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes from 1 to 500 files; see `PortalClient.publish_files`.

    Modes: `publish`, `use_contact_preference`, `do_not_publish`; `notify`, `use_contact_preference`,
    `do_not_notify`. Without a `client`, one is made from the environment for this call.
    """
    __tracebackhide__ = True
    return client_of(client, PortalClient).publish_files(
        file_ids,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        repeat=repeat,
    )


def publish_batch(
    file_ids: Iterable[_types.Id] | _types.GeneratedReport | None = None,
    *,
    reports: Iterable[str] = (),
    skip_published: bool = False,
    portal_publishing: _types.PortalPublishing,
    contact_notification: _types.ContactNotification,
    publish_override_contact_ids: Iterable[_types.Id] = (),
    journal: str | PathLike[str],
    chunk_size: int = 100,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    repeat: _types.Repeat = "refuse",
    client: PortalClient | None = None,
) -> PublishReport:
    """Publishes any number of files with a journal; see `PortalClient.publish_batch`."""
    __tracebackhide__ = True
    return client_of(client, PortalClient).publish_batch(
        file_ids,
        reports=reports,
        skip_published=skip_published,
        portal_publishing=portal_publishing,
        contact_notification=contact_notification,
        publish_override_contact_ids=publish_override_contact_ids,
        journal=journal,
        chunk_size=chunk_size,
        on_progress=on_progress,
        max_wait=max_wait,
        pace=pace,
        stop_timeout=stop_timeout,
        repeat=repeat,
    )


def resume(
    journal: str | PathLike[str],
    *,
    on_progress: Callable[[Progress], object] | None = None,
    max_wait: float = 3600.0,
    pace: bool = False,
    stop_timeout: float | None = None,
    client: PortalClient | None = None,
) -> PublishReport:
    """Resumes the batch of a journal; see `PortalClient.resume`."""
    __tracebackhide__ = True
    return client_of(client, PortalClient).resume(
        journal, on_progress=on_progress, max_wait=max_wait, pace=pace, stop_timeout=stop_timeout
    )


# The public names, for tracebacks and pickles.
for _public in (PortalClient, publish_batch, publish_files, resume):
    _public.__module__ = "addepar_portal"
del _public

/** The words of the core, and its JSON, the same in every language: snake case, seconds, RFC 3339. */

/** Whose portals the files are published to: every contact's, as each contact prefers, nobody's. */
export type PortalPublishing = 'publish' | 'use_contact_preference' | 'do_not_publish';

/** Who is e-mailed: every contact, as each contact prefers, nobody. */
export type ContactNotification = 'notify' | 'use_contact_preference' | 'do_not_notify';

/**
 * The state of one file after a call.
 *
 * - `ok`: the API reported no failure. It never lists who received what.
 * - `failed`: publishing or notifying failed for some or all contacts.
 * - `unknown`: it may or may not have been published: look in Addepar before you send it again.
 * - `not_processed`: the server did not begin to process it.
 */
export type FileState = 'ok' | 'failed' | 'unknown' | 'not_processed';

/** What became of a request. */
export type Outcome = 'processed' | 'not_processed' | 'unknown';

/** The API's word on a step: `success`, `fail` (for some or all contacts), or another as it came. */
export type Status = 'success' | 'fail' | (string & {});

/** A step of a call: putting a file into portals, e-mailing about it. */
export type Step = 'publish' | 'notify';

/** Whether files may be sent that a journal in the folder of journals shows as sent. */
export type Repeat = 'refuse' | 'allow';

/** What a person found out about a file: one whose outcome is unknown, or one that is yet to be sent. */
export type Verdict = 'published' | 'not_published' | 'leave';

/** How much a line of the log matters. */
export type LogLevel = 'debug' | 'info' | 'warn';

/** Where a request was lost. */
export type Phase = 'awaiting_answer' | 'reading_answer' | 'reading_pages';

/** Why a journal, or a folder of journals, cannot be used. */
export type JournalReason =
  | 'busy'
  | 'undecided'
  | 'other_run'
  | 'damaged'
  | 'newer_format'
  | 'missing'
  | 'changed'
  | 'cannot_read'
  | 'cannot_write'
  | 'refused'
  | 'outdated'
  | 'too_early';

/** The code of an error's class. */
export type ErrorCode =
  | 'ERR_CONFIG'
  | 'ERR_INPUT'
  | 'ERR_CONNECT'
  | 'ERR_REJECTED'
  | 'ERR_AUTHENTICATION'
  | 'ERR_PERMISSION_DENIED'
  | 'ERR_RATE_LIMITED'
  | 'ERR_OUTCOME_UNKNOWN'
  | 'ERR_PUBLISH_FAILURES'
  | 'ERR_ALREADY_SENT'
  | 'ERR_JOURNAL'
  | 'ERR_STOPPED';

/** {@link FileError} in JSON. */
export interface FileErrorJSON {
  code: string | null;
  title: string | null;
  detail: string | null;
  contact_ids: number[] | null;
}

/** {@link FileResult} in JSON. */
export interface FileResultJSON {
  file_id: number;
  state: FileState;
  published: boolean | null;
  notified: boolean | null;
  publish_status: Status | null;
  notify_status: Status | null;
  errors: FileErrorJSON[];
  contacts_not_published: number[] | null;
  contacts_not_notified: number[] | null;
  decision: Verdict | null;
  reason: string | null;
  portfolio_name: string | null;
}

/** {@link UnexpectedResult} in JSON. */
export interface UnexpectedResultJSON {
  file_id: number | null;
  publish_status: Status | null;
  notify_status: Status | null;
  errors: FileErrorJSON[];
}

/** {@link Attempt} in JSON: times as RFC 3339, durations in seconds. */
export interface AttemptJSON {
  sent_at: string | null;
  answered_at: string | null;
  http_status: number | null;
  request_id: string | null;
  elapsed: number;
  outcome: Outcome;
  retry_after: number | null;
}

/** {@link UnreadPage} in JSON. */
export interface UnreadPageJSON {
  link: string;
  http_status: number | null;
  reason: string;
  raw: string;
}

/** Attempts and what else surrounds the files of a report. */
export interface CircumstancesJSON {
  unexpected: UnexpectedResultJSON[];
  errors: ApiError[];
  unread_pages: UnreadPageJSON[];
  attempts: AttemptJSON[];
  next_link: string | null;
  /** The path of the call's journal; absent where it has none. */
  journal?: string;
}

/** A report, as {@link PublishReport.toJSON} gives it. */
export interface ReportJSON extends CircumstancesJSON {
  ok: boolean;
  settled: boolean;
  undecided: number[];
  in_flight: number[];
  request: {
    file_ids: number[];
    portal_publishing: PortalPublishing;
    contact_notification: ContactNotification;
    publish_override_contact_ids: number[];
    /** File → the name of its portfolio; absent where none is known. */
    portfolio_names?: Record<string, string>;
  };
  files: FileResultJSON[];
  /** Whether calls with other modes than those of `request` sent the files: only of an error that shows earlier calls. */
  modes_differ?: true;
  raw: string;
}

/** The body of the POST. */
export interface RequestJSON {
  data: {
    type: 'publish_portal_files_request';
    attributes: {
      files_id: number[];
      portal_publishing: string;
      contact_notification: string;
      publish_override_contact_ids?: number[];
    };
  };
}

/** How far a batch has come. */
export interface ProgressJSON {
  total: number;
  succeeded: number;
  failed: number;
  unknown: number;
  not_processed: number;
  chunk: number;
  chunks: number;
  waiting: number | null;
}

/**
 * A journal: what it is about, its files, chunks, the files that are undecided or in flight, and what the answers have
 * beside the files.
 */
export interface JournalJSON extends Omit<CircumstancesJSON, 'attempts' | 'next_link' | 'journal'> {
  run: string;
  base_url: string;
  firm_id: string;
  portal_publishing: PortalPublishing;
  contact_notification: ContactNotification;
  publish_override_contact_ids: number[];
  operator: string | null;
  host: string | null;
  simulated: boolean;
  repeat: Repeat;
  /** The jobs whose generated reports the files came out of; absent without any. */
  reports?: string[];
  /** The files of these reports that were left out, since they were shown as published already; absent without any. */
  skipped?: number[];
  /** File → the name of its portfolio; absent where none is known. */
  portfolio_names?: Record<string, string>;
  fingerprint: string;
  files: JournalledFileJSON[];
  chunks: JournalledChunkJSON[];
  undecided: number[];
  in_flight: number[];
}

/** {@link JournalledFile} in JSON: times as RFC 3339. */
export interface JournalledFileJSON extends FileResultJSON {
  chunk: number;
  decided_by: string | null;
  decided_at: string | null;
  evidence: string | null;
  in_flight: boolean;
}

/** {@link JournalledChunk} in JSON: times as RFC 3339. */
export interface JournalledChunkJSON {
  chunk: number;
  state: 'processed' | 'unknown' | 'not_processed' | 'in_flight';
  attempts: number;
  sent_at: string | null;
  file_ids: number[];
}

/** {@link FailedPortfolio} in JSON. */
export interface FailedPortfolioJSON {
  portfolio_type: string | null;
  portfolio_id: number | null;
  portfolio_name: string | null;
}

/** {@link GeneratedPortfolio} in JSON. */
export interface GeneratedPortfolioJSON extends FailedPortfolioJSON {
  file_id: number | null;
  has_been_published: boolean | null;
}

/** A generated report, as {@link GeneratedReport.toJSON} gives it. */
export interface GeneratedReportJSON {
  job_id: string;
  report_id: number | null;
  report_name: string | null;
  status: string | null;
  started_at: string | null;
  completed_at: string | null;
  job_type: string | null;
  generated_portfolios: GeneratedPortfolioJSON[];
  failed_portfolios: FailedPortfolioJSON[];
}

/** What is proven about a file; `null` if a person has to look. */
export type Proof = Exclude<Verdict, 'leave'> | null;

/** {@link SettledFile} in JSON. */
export interface SettledFileJSON {
  file_id: number;
  portfolio_name: string | null;
  decision: Proof;
  evidence: string;
}

/** A settlement, as {@link Settlement.toJSON} gives it. */
export interface SettlementJSON {
  files: SettledFileJSON[];
  applied: boolean;
  looked_at: string[];
}

/** Contact id → file id and step. */
export interface FailedContactsJSON {
  contacts: Record<string, [number, Step][]>;
  unreadable: number[];
}

/** An error object of the API about the whole request; any member may have been missing. */
export interface ApiError {
  readonly status: string | null;
  readonly code: string | null;
  readonly title: string | null;
  readonly detail: string | null;
  readonly source: string | null;
}

/** What became of a decision: the files whose earlier one it replaces, and what to warn of. */
export interface DecidedJSON {
  replaced: JournalledFileJSON[];
  warning: string | null;
}

/** Everything about an error but its report. */
export interface ErrorDetailsJSON {
  code: ErrorCode;
  message: string;
  outcome: Outcome;
  http_status: number | null;
  request_id: string | null;
  elapsed: number | null;
  errors: ApiError[];
  phase: Phase | null;
  reason: JournalReason | null;
  retry_after: number | null;
  file_ids: number[];
  journal: string | null;
  undecided: number[];
}

/** What a record of the log is about: whatever is known of it. */
export interface LogFieldsJSON {
  journal?: string;
  chunk?: number;
  attempt?: number;
  file_count?: number;
  http_status?: number;
  request_id?: string;
  elapsed?: number;
  wait?: number;
  ok?: number;
  failed?: number;
  unknown?: number;
  not_processed?: number;
  code?: ErrorCode;
}

/** Milliseconds, to the microsecond. */
export function milliseconds(seconds: number): number;
export function milliseconds(seconds: number | null): number | null;
export function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * 1e6) / 1e3;
}

/** A moment as JavaScript has it. */
export function date(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

/** The JSON that is the same in every language: snake case, seconds, times as RFC 3339. */

export interface FileErrorJSON {
  code: string | null;
  title: string | null;
  detail: string | null;
  contact_ids: number[] | null;
}

export interface FileResultJSON {
  file_id: number;
  state: 'ok' | 'failed' | 'unknown' | 'not_processed';
  published: boolean | null;
  notified: boolean | null;
  publish_status: string | null;
  notify_status: string | null;
  errors: FileErrorJSON[];
  contacts_not_published: number[] | null;
  contacts_not_notified: number[] | null;
}

export interface UnexpectedResultJSON {
  file_id: number | null;
  publish_status: string | null;
  notify_status: string | null;
  errors: FileErrorJSON[];
}

export interface AttemptJSON {
  sent_at: string | null;
  answered_at: string | null;
  http_status: number | null;
  request_id: string | null;
  elapsed: number;
  outcome: 'processed' | 'not_processed' | 'unknown';
  retry_after: number | null;
}

/** Attempts and what else surrounds the files of a report. */
export interface CircumstancesJSON {
  unexpected: UnexpectedResultJSON[];
  attempts: AttemptJSON[];
  next_link: string | null;
}

/** A report, as {@link PublishReport.toJSON} gives it. */
export interface ReportJSON extends CircumstancesJSON {
  ok: boolean;
  request: {
    file_ids: number[];
    portal_publishing: string;
    contact_notification: string;
    publish_override_contact_ids: number[];
  };
  files: FileResultJSON[];
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

/** Contact id → file id and step. */
export interface FailedContactsJSON {
  contacts: Record<string, [number, 'publish' | 'notify'][]>;
  unreadable: number[];
}

/** Everything about an error but its report. */
export interface ErrorDetailsJSON {
  code: string;
  message: string;
  outcome: 'processed' | 'not_processed' | 'unknown';
  http_status: number | null;
  request_id: string | null;
  elapsed: number | null;
  errors: {
    status: string | null;
    code: string | null;
    title: string | null;
    detail: string | null;
    source: string | null;
  }[];
  phase: string | null;
  retry_after: number | null;
  file_ids: number[];
}

/** Milliseconds, to the microsecond. */
export function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}

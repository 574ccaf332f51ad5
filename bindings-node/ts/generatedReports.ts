/** Generated reports, whose files can be published, and what looks at them prove. */

import { type Id, packId } from './ids';
import { parse } from './json';
import type { ReportFilter } from './native';
import { ANY, DATE, SIGNAL, STRING_OR_STRINGS, type Table, tableOf } from './options';
import { inspect } from './util';
import { visible } from './visible';
import { date, type FailedPortfolioJSON, type GeneratedReportJSON, type Proof, type SettlementJSON } from './wire';

/** A portfolio for which no file was generated. Any member may have been missing. */
export interface FailedPortfolio {
  /** Such as `entity` or `group`, as it came. */
  readonly portfolioType: string | null;
  readonly portfolioId: number | null;
  readonly portfolioName: string | null;
}

/** A portfolio and the file that was generated for it. Any member may have been missing. */
export interface GeneratedPortfolio extends FailedPortfolio {
  readonly fileId: number | null;
  /**
   * Whether the file was ever published to a portal; `null` if the API did not say. It does not say to whom or when, nor
   * whether anybody was e-mailed, and it may be shown late.
   */
  readonly hasBeenPublished: boolean | null;
}

let makeReport: (json: GeneratedReportJSON) => GeneratedReport;
let showReport: (report: GeneratedReport) => void;

/**
 * What one job generated. `publishFiles` and `publishBatch` take it in the place of a list of files. Immutable; any member
 * but the job's id may have been missing.
 *
 * Source: the vendor's page "Generated Reports".
 */
export class GeneratedReport {
  /** The job's id, a UUID. */
  readonly jobId: string;
  /** The id of the report that was generated. */
  readonly reportId: number | null;
  readonly reportName: string | null;
  /** `FINISHED`, `ERROR` or `CANCELED`, as it came. The last two may have generated some portfolios. */
  readonly status: string | null;
  /** Such as `AD_HOC`, as it came. */
  readonly jobType: string | null;
  /** The portfolios for which a file was generated. */
  readonly generatedPortfolios: readonly GeneratedPortfolio[];
  /** The portfolios for which none was. */
  readonly failedPortfolios: readonly FailedPortfolio[];
  /** Every file of it once, in the order of the portfolios. */
  readonly fileIds: readonly number[];
  readonly #json: GeneratedReportJSON;

  private constructor(json: GeneratedReportJSON) {
    this.#json = json;
    this.jobId = json.job_id;
    this.reportId = json.report_id;
    this.reportName = json.report_name;
    this.status = json.status;
    this.jobType = json.job_type;
    this.generatedPortfolios = Object.freeze(
      json.generated_portfolios.map((row) =>
        Object.freeze({ ...readPortfolio(row), fileId: row.file_id, hasBeenPublished: row.has_been_published }),
      ),
    );
    this.failedPortfolios = Object.freeze(json.failed_portfolios.map((row) => Object.freeze(readPortfolio(row))));
    this.fileIds = Object.freeze([...new Set(this.generatedPortfolios.flatMap(({ fileId }) => fileId ?? []))]);
    showReport(this);
    Object.freeze(this);
  }

  static {
    makeReport = (json) => new GeneratedReport(json);
    showReport = visible(this.prototype, ['startedAt', 'completedAt', 'portfolioNames']);
  }

  /** When the job started. */
  get startedAt(): Date | null {
    return date(this.#json.started_at);
  }

  /** When it ended. */
  get completedAt(): Date | null {
    return date(this.#json.completed_at);
  }

  /** File → the name of its portfolio; the names of several, if it is of several. */
  get portfolioNames(): ReadonlyMap<number, string> {
    const names = new Map<number, string>();
    for (const { fileId, portfolioName } of this.generatedPortfolios) {
      if (fileId !== null && portfolioName !== null) {
        const earlier = names.get(fileId);
        names.set(fileId, earlier === undefined ? portfolioName : `${earlier}, ${portfolioName}`);
      }
    }
    return names;
  }

  /** Plain data, the same in every language: snake case, times as RFC 3339. */
  toJSON(): GeneratedReportJSON {
    return structuredClone(this.#json);
  }

  /** Its job, name and status, and how many files it has. */
  toString(): string {
    const { jobId, reportName, status, fileIds } = this;
    return `GeneratedReport ${inspect({ jobId, reportName, status }, { breakLength: Infinity })} of ${fileIds.length} files`;
  }

  /** @internal */
  [inspect.custom](): string {
    return #json in this ? this.toString() : 'GeneratedReport {}';
  }
}

function readPortfolio(row: FailedPortfolioJSON): FailedPortfolio {
  return { portfolioType: row.portfolio_type, portfolioId: row.portfolio_id, portfolioName: row.portfolio_name };
}

/** How a read can be ended. */
export interface ReadOptions {
  /** Ends the read at once: it rejects with the signal's reason. A read changes nothing. */
  signal?: AbortSignal | null | undefined;
}

/** Which generated reports are wanted; all, where nothing is given. */
export interface GeneratedReportsOptions extends ReadOptions {
  /** Those that were completed after this time, to the second. */
  completedAfter?: Date | undefined;
  /** Those that were completed before this time, to the second. */
  completedBefore?: Date | undefined;
  /** Those with this status, or one of these: `FINISHED`, `ERROR`, `CANCELED`. */
  status?: string | readonly string[] | undefined;
  /** Those of this entity. */
  entityId?: Id | undefined;
  /** Those of this group. */
  groupId?: Id | undefined;
}

/** The options of a read. */
export const READ: Table<ReadOptions> = tableOf({ of: 'generatedReport', as: 'input', kinds: { signal: SIGNAL } });

/** The options of a list of reports; the core checks ids. */
export const REPORTS: Table<GeneratedReportsOptions> = tableOf({
  of: 'generatedReports',
  as: 'input',
  kinds: {
    completedAfter: DATE,
    completedBefore: DATE,
    status: STRING_OR_STRINGS,
    entityId: ANY,
    groupId: ANY,
    signal: SIGNAL,
  },
});

/** A filter on its way to the core. */
export function packFilter({ completedAfter, completedBefore, status, entityId, groupId }: GeneratedReportsOptions): ReportFilter {
  return {
    completedAfter: completedAfter?.getTime(),
    completedBefore: completedBefore?.getTime(),
    status: typeof status === 'string' ? [status] : status,
    entityId: packId(entityId),
    groupId: packId(groupId),
  };
}

/** What looks at generated reports prove about one file. */
export interface SettledFile {
  readonly fileId: number;
  /** The name of its portfolio, if it is known. */
  readonly portfolioName: string | null;
  /** What is proven; `null` if a person has to look. */
  readonly decision: Proof;
  /** What was seen, in words. */
  readonly evidence: string;
}

let makeSettlement: (json: SettlementJSON) => Settlement;
let showSettlement: (settlement: Settlement) => void;

/**
 * What looks at generated reports prove about the files of a journal whose outcome is unknown. Iterable over
 * {@link SettledFile}s; immutable.
 *
 * A generated report shows whether a file was ever published to a portal. It does not show who was e-mailed, and that is
 * never inferred. What the field means is taken from the vendor's page and was not tried on a live firm.
 */
export class Settlement implements Iterable<SettledFile> {
  /** Each file whose outcome was unknown, in the order asked. */
  readonly files: readonly SettledFile[];
  /** Whether the decisions are in the journal now. */
  readonly applied: boolean;
  /** The files that a person has to look at. */
  readonly left: readonly number[];
  readonly #json: SettlementJSON;

  private constructor(json: SettlementJSON) {
    this.#json = json;
    this.files = Object.freeze(
      json.files.map(({ file_id, portfolio_name, decision, evidence }) =>
        Object.freeze({ fileId: file_id, portfolioName: portfolio_name, decision, evidence }),
      ),
    );
    this.applied = json.applied;
    this.left = Object.freeze(this.files.flatMap(({ decision, fileId }) => (decision === null ? fileId : [])));
    showSettlement(this);
    Object.freeze(this);
  }

  static {
    makeSettlement = (json) => new Settlement(json);
    showSettlement = visible(this.prototype, ['lookedAt']);
  }

  /** When the reports were looked at. */
  get lookedAt(): readonly Date[] {
    // New ones each time: a `Date` can be changed.
    return Object.freeze(this.#json.looked_at.map((time) => new Date(time)));
  }

  [Symbol.iterator](): IterableIterator<SettledFile> {
    return this.files[Symbol.iterator]();
  }

  /** Plain data, the same in every language: snake case, times as RFC 3339. */
  toJSON(): SettlementJSON {
    return structuredClone(this.#json);
  }

  /** Whether it was recorded, how many files it is about, and which of them a person has to look at. */
  toString(): string {
    const { applied, left, files } = this;
    return `Settlement ${inspect({ applied, left }, { breakLength: Infinity, maxArrayLength: 20 })} of ${files.length} files`;
  }
}

export function readReports(json: string): GeneratedReport[] {
  return (parse(json) as GeneratedReportJSON[]).map(makeReport);
}

export function readSettlement(json: string): Settlement {
  return makeSettlement(parse(json));
}

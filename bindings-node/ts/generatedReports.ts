/** Generated reports, whose files can be published, and what looks at them prove. */

import { type Kind, kind, STRING, type Table } from './options';
import { date, type GeneratedReportJSON, type SettlementJSON, type Verdict } from './wire';

/** A portfolio for which no file was generated. */
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
   * Whether the file was ever published to a portal; `null` if the API did not say. It does not tell to whom or when, nor
   * whether anybody was e-mailed, and it may be shown late.
   */
  readonly hasBeenPublished: boolean | null;
}

/** What one job generated. `publishFiles` and `publishBatch` take it in the place of a list of files. */
export class GeneratedReport {
  /** The job's id, a UUID. */
  readonly jobId: string;
  readonly reportId: number | null;
  readonly reportName: string | null;
  /** `FINISHED`, `ERROR` or `CANCELED`, as it came. The last two may have generated some portfolios. */
  readonly status: string | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  /** Such as `AD_HOC`, as it came. */
  readonly jobType: string | null;
  readonly generatedPortfolios: readonly GeneratedPortfolio[];
  readonly failedPortfolios: readonly FailedPortfolio[];

  /** @internal */
  constructor(report: GeneratedReportJSON) {
    this.jobId = report.job_id;
    this.reportId = report.report_id;
    this.reportName = report.report_name;
    this.status = report.status;
    this.startedAt = date(report.started_at);
    this.completedAt = date(report.completed_at);
    this.jobType = report.job_type;
    this.generatedPortfolios = Object.freeze(
      report.generated_portfolios.map((row) =>
        Object.freeze({ ...portfolio(row), fileId: row.file_id, hasBeenPublished: row.has_been_published }),
      ),
    );
    this.failedPortfolios = Object.freeze(report.failed_portfolios.map((row) => Object.freeze(portfolio(row))));
    Object.freeze(this);
  }

  /** Every file of it once, in the order of the portfolios. */
  get fileIds(): readonly number[] {
    return [...new Set(this.generatedPortfolios.flatMap(({ fileId }) => fileId ?? []))];
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
}

function portfolio(row: GeneratedReportJSON['failed_portfolios'][number]): FailedPortfolio {
  return { portfolioType: row.portfolio_type, portfolioId: row.portfolio_id, portfolioName: row.portfolio_name };
}

/** Which generated reports are wanted; all, where nothing is given. */
export interface GeneratedReportsOptions {
  /** Those that were completed after this time. */
  completedAfter?: Date | undefined;
  /** Those that were completed before this time. */
  completedBefore?: Date | undefined;
  /** Those with one of these statuses: `FINISHED`, `ERROR`, `CANCELED`. */
  status?: string | readonly string[] | undefined;
  /** Those of this entity. */
  entityId?: number | undefined;
  /** Those of this group. */
  groupId?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What looks at generated reports prove about one file. */
export interface SettledFile {
  readonly fileId: number;
  readonly portfolioName: string | null;
  /** What is proven; `null` if a person has to look. */
  readonly decision: Extract<Verdict, 'published' | 'not_published'> | null;
  /** What was seen, in words. */
  readonly evidence: string;
}

/**
 * What looks at generated reports prove about the files of a journal whose outcome is unknown.
 *
 * A generated report shows whether a file was ever published to a portal. It does not show who was e-mailed, and that is
 * never inferred. What the field means is taken from the vendor's page and was not tried on a live firm.
 */
export interface Settlement {
  /** Each file whose outcome was unknown, in the order asked. */
  readonly files: readonly SettledFile[];
  /** Whether the decisions are in the journal now. */
  readonly applied: boolean;
  /** When the reports were looked at. */
  readonly lookedAt: readonly Date[];
}

export function readReports(json: string): GeneratedReport[] {
  return (JSON.parse(json) as GeneratedReportJSON[]).map((report) => new GeneratedReport(report));
}

export function readSettlement(json: string): Settlement {
  const { files, applied, looked_at } = JSON.parse(json) as SettlementJSON;
  return Object.freeze({
    files: Object.freeze(
      files.map(({ file_id, portfolio_name, decision, evidence }) =>
        Object.freeze({ fileId: file_id, portfolioName: portfolio_name, decision, evidence }),
      ),
    ),
    applied,
    lookedAt: Object.freeze(looked_at.map((time) => new Date(time))),
  });
}

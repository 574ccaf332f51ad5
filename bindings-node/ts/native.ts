/** The private addon: what it offers, as a test compares with it. */

import type { ErrorClass } from './errors';
import { load } from './loader';
import type { ContactNotification, ErrorCode, LogLevel, PortalPublishing } from './wire';

/** An error of the core in the place of a result. */
export interface Failure {
  readonly className: ErrorClass;
  isLoss(): boolean;
  toJson(): string;
}

/** A kind of error, and its class. */
export interface KindOfError {
  readonly code: ErrorCode;
  readonly className: ErrorClass;
}

export interface Request {
  fileIds(): Float64Array;
  portalPublishing(): PortalPublishing;
  contactNotification(): ContactNotification;
  publishOverrideContactIds(): Float64Array;
  /** A JSON list of files and names. */
  portfolioNames(): string;
  toJson(): string;
}

export interface Report {
  ok(): boolean;
  settled(): boolean;
  undecided(): Float64Array;
  inFlight(): Float64Array;
  request(): Request;
  rows(): string;
  circumstances(): string;
  raw(): string;
  failedContacts(): string;
  failedContactsText(): string;
  failure(): Failure | null;
  toJson(): string;
  toString(): string;
}

export interface Wakeups {
  hold(held: boolean): void;
}

/** A call that ends with a report; or, of generated reports, with JSON. */
export interface Call<Result extends Report | string = Report> {
  interrupt(): boolean;
  followProgress(): void;
  progress(): string | null;
  watch(everything: boolean): void;
  /** Each record's level, line and fields; these as JSON. */
  logRecords(): [LogLevel, string, string][];
  run(wakeups: Wakeups, number: number): void;
  wantsToken(): boolean;
  isOver(): boolean;
  isInterrupted(): boolean;
  ending(): Result | Failure | null;
  settle(): void;
  provideToken(token: string): void;
  failToken(reason: string): void;
  forsake(): void;
}

export interface ClientSettings {
  firmName?: string | undefined;
  environment?: string | undefined;
  firmId?: string | undefined;
  keyId?: string | undefined;
  keySecret?: string | undefined;
  accessToken?: string | undefined;
  asksForToken: boolean;
  baseUrl?: string | undefined;
  timeoutMs?: number | undefined;
  connectTimeoutMs?: number | undefined;
  maxRateLimitWaitMs?: number | undefined;
  proxy?: string | undefined;
  caFile?: string | undefined;
  journalDir?: string | undefined;
}

/** How this program was started. */
export interface Started {
  started?: string | undefined;
  testFunctions: string[];
}

export interface BatchSettings {
  journal: string;
  chunkSize?: number | undefined;
  maxWaitMs?: number | undefined;
  stopTimeoutMs?: number | undefined;
  pace?: boolean | undefined;
  repeat?: string | undefined;
  reports?: readonly string[] | undefined;
  skipPublished?: boolean | undefined;
}

/** Which generated reports are wanted; times in milliseconds since 1970, ids as those of a request. */
export interface ReportFilter {
  completedAfter?: number | undefined;
  completedBefore?: number | undefined;
  status?: readonly string[] | undefined;
  entityId?: Float64Array | string | undefined;
  groupId?: Float64Array | string | undefined;
}

export interface Journal {
  report(): Report;
  settled(fileIds: Float64Array): Promise<Journal | Failure>;
  decide(fileIds: Float64Array | string, decision: string, by: string, evidence: string | undefined): string | Failure;
  toJson(): string;
}

export interface Client {
  baseUrl(): string;
  firmId(): string;
  warning(): string | null;
  isLocal(): boolean;
  start(request: Request, repeat: string | undefined, environment: Record<string, string>): Call | Failure;
  startBatch(request: Request, options: BatchSettings, environment: Record<string, string>): Call | Failure;
  startResume(options: BatchSettings, environment: Record<string, string>): Call | Failure;
  startReport(jobId: string, environment: Record<string, string>): Call<string>;
  startReports(filter: ReportFilter, environment: Record<string, string>): Call<string> | Failure;
  startSettle(journal: Journal, jobIds: readonly string[], apply: boolean, environment: Record<string, string>): Call<string>;
}

/** Why the simulated portal refused a command, or the program could not be started. */
export interface Refusal {
  readonly message: string;
}

/** The program as it runs, on a thread of its own. */
export interface Program {
  /** `false` if it does not listen: then the signal ends the process. */
  interrupt(hangsUp: boolean): boolean;
}

export interface SimulatedPortal {
  baseUrl(): string;
  control(command: string): string | Refusal;
  stop(): void;
}

/** A class of the addon that only the addon makes instances of. */
interface Made<T> {
  [Symbol.hasInstance](value: unknown): value is T;
}

interface Addon {
  variables(): string[];
  testFunctions(): string[];
  errorKinds(): KindOfError[];
  Failure: Made<Failure> & {
    config(message: string): Failure;
    input(message: string): Failure;
    decision(message: string): Failure;
  };
  Request: Made<Request> & {
    create(
      fileIds: Float64Array | string,
      portalPublishing: string,
      contactNotification: string,
      publishOverrideContactIds: Float64Array | string,
      batch: boolean,
      portfolioNames?: string,
    ): Request | Failure;
    forReports(
      portalPublishing: string,
      contactNotification: string,
      publishOverrideContactIds: Float64Array | string,
    ): Request | Failure;
    portalPublishings(): PortalPublishing[];
    contactNotifications(): ContactNotification[];
  };
  Report: {
    fromResponse(request: Request, body: Uint8Array): Report | Failure;
    fromJson(json: string): Report | Failure;
    ofFailure(failure: Failure): Report | null;
  };
  Call: Made<Call>;
  Client: { create(settings: ClientSettings, environment: Record<string, string>, program: Started): Client | Failure };
  Journal: { open(path: string): Journal | Failure };
  initJournalDir(folder: string): string | Failure;
  forgetJournal(path: string): Float64Array | Failure;
  Wakeups: new (wake: (number: number) => void, held: (number: number) => void) => Wakeups;
  Refusal: Made<Refusal>;
  SimulatedPortal: { start(options: string): SimulatedPortal | Refusal };
  Program: { start(args: readonly string[], ended: (status: number) => void): Program | Refusal };
  hangUpIsIgnored(): boolean;
}

export const native = load() as Addon;

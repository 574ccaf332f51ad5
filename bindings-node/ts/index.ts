/**
 * Unofficial client for one call of the Addepar API: publish files to client portals.
 *
 * The call is not idempotent: a repeated one may e-mail a firm's clients twice. So nothing that the
 * server may have begun to process is sent again within a call, nor by a later one where a journal or
 * `journalDir` shows it, and every file comes back in one state.
 *
 * @module addepar-portal
 */

export { PortalClient, publishBatch, publishFiles } from './client';
export type { WithClient } from './client';
export type { LogFields, Logger, TokenCallable, TokenRequest } from './call';
export {
  AlreadySentError,
  AuthenticationError,
  ConfigError,
  ConnectError,
  InputError,
  isPortalError,
  JournalError,
  OutcomeUnknownError,
  PermissionDeniedError,
  PortalError,
  PublishFailuresError,
  RateLimitedError,
  RejectedError,
  StoppedError,
} from './errors';
export type { AnyPortalError, ErrorDetails, ErrorInit, ErrorJSON, ErrorMembers, ErrorSummary } from './errors';
export { GeneratedReport, Settlement } from './generatedReports';
export type {
  FailedPortfolio,
  GeneratedPortfolio,
  GeneratedReportsOptions,
  ReadOptions,
  SettledFile,
} from './generatedReports';
export type { Id, Ids, TypedIds } from './ids';
export { forgetJournal, initJournalDir, Journal } from './journal';
export type { DecisionOptions, JournalledChunk, JournalledFile, SettleOptions } from './journal';
export { PublishReport } from './report';
export { PublishRequest } from './request';
export type {
  BatchOptions,
  Files,
  Progress,
  ProgressCallable,
  PublishOptions,
  RequestOptions,
  ResumeOptions,
} from './request';
export type { AccessToken, Environment, PortalClientOptions } from './settings';
export type {
  Attempt,
  FailedContacts,
  FailedStep,
  FileCounts,
  FileError,
  FileResult,
  UnexpectedResult,
  UnreadPage,
} from './types';
export type {
  ApiError,
  AttemptJSON,
  CircumstancesJSON,
  ContactNotification,
  ErrorCode,
  ErrorDetailsJSON,
  FailedPortfolioJSON,
  FileErrorJSON,
  FileResultJSON,
  FileState,
  GeneratedPortfolioJSON,
  GeneratedReportJSON,
  JournalJSON,
  JournalledChunkJSON,
  JournalledFileJSON,
  JournalReason,
  Outcome,
  Phase,
  PortalPublishing,
  Proof,
  Repeat,
  ReportJSON,
  RequestJSON,
  SettledFileJSON,
  SettlementJSON,
  Status,
  Step,
  UnexpectedResultJSON,
  UnreadPageJSON,
  Verdict,
} from './wire';

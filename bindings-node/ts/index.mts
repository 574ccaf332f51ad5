// One implementation for both module systems: an error is an instance of its class in either.

// oxlint-disable-next-line import/no-unassigned-import -- it brings what the rest needs of Node
import './esm.mjs';

export {
  AlreadySentError,
  AuthenticationError,
  ConfigError,
  ConnectError,
  forgetJournal,
  GeneratedReport,
  initJournalDir,
  InputError,
  isPortalError,
  Journal,
  JournalError,
  OutcomeUnknownError,
  PermissionDeniedError,
  PortalClient,
  PortalError,
  publishBatch,
  PublishFailuresError,
  publishFiles,
  PublishReport,
  PublishRequest,
  RateLimitedError,
  RejectedError,
  Settlement,
  StoppedError,
} from './index.js';
export type * from './index.js';

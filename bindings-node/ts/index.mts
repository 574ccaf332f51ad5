// One implementation for both module systems: an error is an instance of its class in either.

export {
  AuthenticationError,
  ConfigError,
  ConnectError,
  InputError,
  JournalError,
  OutcomeUnknownError,
  PermissionDeniedError,
  PortalClient,
  PortalError,
  PublishFailuresError,
  publishFiles,
  PublishReport,
  PublishRequest,
  RateLimitedError,
  RejectedError,
} from './index.js';
export type * from './index.js';

import { raise, succeeded } from './errors';
import { type Ids, packIds, shown } from './ids';
import { native, type Request } from './native';
import type { RequestJSON } from './wire';

/** Whose portals the files are published to: every contact's, as each contact prefers, nobody's. */
export type PortalPublishing = 'publish' | 'use_contact_preference' | 'do_not_publish';

/** Who is e-mailed: every contact, as each contact prefers, nobody. */
export type ContactNotification = 'notify' | 'use_contact_preference' | 'do_not_notify';

/** What is to be done with the files. Both modes are required: no default may e-mail anybody. */
export interface RequestOptions {
  /** Whose portals the files are published to. */
  portalPublishing: PortalPublishing;
  /** Who is e-mailed about what was published. */
  contactNotification: ContactNotification;
  /** Contacts who receive **every** file of the call, whatever `portalPublishing` says. */
  publishOverrideContactIds?: Ids | undefined;
}

/** {@link RequestOptions}, and how the call can be ended. */
export interface PublishOptions extends RequestOptions {
  /**
   * Ends the call at once. If nothing had gone out, it rejects with the signal's reason; otherwise
   * with an {@link OutcomeUnknownError} named `AbortError`, whose `cause` is the reason.
   */
  signal?: AbortSignal | undefined;
}

const REQUEST_OPTIONS = ['portalPublishing', 'contactNotification', 'publishOverrideContactIds'];

/** A misspelt option must not pass silently. */
export function refuseUnknownOptions(options: object, ...others: string[]): void {
  const known = [...REQUEST_OPTIONS, ...others];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    raise(native.Failure.input(`\`${unknown}\` is no option: there are ${known.join(', ')}.`));
  }
}

/** The native side of a request. */
export let handleOf: (request: PublishRequest) => Request;

/** The request of a report. */
export let requestOf: (handle: Request) => PublishRequest;

/** One call of the API for 1 to 500 files, validated. Nothing is sent. Immutable. */
export class PublishRequest {
  readonly #handle: Request;
  readonly fileIds: readonly number[];
  readonly portalPublishing: PortalPublishing;
  readonly contactNotification: ContactNotification;
  readonly publishOverrideContactIds: readonly number[];

  /**
   * @param fileIds - From 1 to 500 distinct files.
   * @throws {@link InputError} naming the values that cannot be sent.
   */
  constructor(fileIds: Ids, options: RequestOptions);
  constructor(fileIds: unknown, options: unknown) {
    this.#handle = fileIds instanceof native.Request ? fileIds : create(fileIds, options);
    this.fileIds = Object.freeze(Array.from(this.#handle.fileIds()));
    this.portalPublishing = this.#handle.portalPublishing() as PortalPublishing;
    this.contactNotification = this.#handle.contactNotification() as ContactNotification;
    this.publishOverrideContactIds = Object.freeze(Array.from(this.#handle.publishOverrideContactIds()));
    Object.freeze(this);
  }

  /** The body of the POST as an object. */
  toJSON(): RequestJSON {
    return JSON.parse(this.#handle.toJson());
  }

  static {
    handleOf = (request) => request.#handle;
    requestOf = (handle) => new (PublishRequest as new (handle: unknown) => PublishRequest)(handle);
  }
}

function create(fileIds: unknown, options: unknown): Request {
  const { portalPublishing, contactNotification, publishOverrideContactIds } = Object(options) as RequestOptions;
  return succeeded(
    native.Request.create(
      packIds('file_ids', fileIds),
      shown(portalPublishing),
      shown(contactNotification),
      packIds('publish_override_contact_ids', publishOverrideContactIds ?? []),
    ),
  );
}

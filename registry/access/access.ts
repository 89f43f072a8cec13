/** What a caller wants to do. `push` includes `pull`; `admin` includes everything. */
export type Action = 'pull' | 'push' | 'delete' | 'admin';

/** Who is calling. Without a name: anybody. */
export interface Principal {
  readonly name?: string;
  /** What a token was granted; the rules apply besides. Undefined: all that the rules allow. */
  readonly grants?: readonly Grant[];
}

/** One scope of a token. */
export interface Grant {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly actions: readonly string[];
}

/** What an unanswered question needs, for the challenge. */
export interface Wanted {
  readonly repository?: string;
  readonly actions: readonly Action[];
}

/** Decides who may do what. */
export interface Access {
  /** Everybody may do everything. */
  readonly open: boolean;
  /**
   * Who sent the request.
   * @throws OciError `UNAUTHORIZED` when it carries credentials that are wrong
   */
  authenticate(request: Request): Promise<Principal>;
  allows(principal: Principal, action: Action, repository: string): boolean;
  /** True when the caller may use the registry's own endpoints. */
  administers(principal: Principal): boolean;
  /** True when the ping must ask the caller for credentials, so that clients learn how to send them. */
  pingNeedsCredentials(principal: Principal): boolean;
  /**
   * The `WWW-Authenticate` header that tells a client how to go on.
   * @param origin scheme and host of the registry, as the client sees it
   * @param failure why credentials were not enough
   */
  challenge(origin: string, wanted: Wanted, failure?: 'invalid_token' | 'insufficient_scope'): string;
  /** Answers the token endpoint, if this kind of access has one. */
  token?(request: Request, origin: string): Promise<Response>;
}

const ANYBODY: Principal = {};

/** Access for all: what a registry on loopback starts with. */
export const OPEN_ACCESS: Access = {
  open: true,
  authenticate: () => Promise.resolve(ANYBODY),
  allows: () => true,
  administers: () => true,
  pingNeedsCredentials: () => false,
  challenge: () => 'Basic realm="ocilot"',
};

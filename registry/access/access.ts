/**
 * What a caller wants to do in a repository. Each includes what it cannot do without: `push` and `delete` include `pull`,
 * `admin` includes everything.
 */
export type Action = 'pull' | 'push' | 'delete' | 'admin';

/** Who is calling. Without a name: anybody. */
export interface Principal {
  readonly name?: string;
  /** What a token was granted; the rules apply besides. Undefined: all that the rules allow. */
  readonly grants?: readonly Grant[];
}

/** One scope of a token: what may be done with one resource. */
export interface Grant {
  /** `repository`, or `registry` for the catalog. */
  readonly type: string;
  readonly name: string;
  /** `pull`, `push`, `delete`, and `*` for everything. */
  readonly actions: readonly string[];
}

/** What a request is about, and so what a caller must be allowed to do. */
export type Wanted =
  /** Nothing but to be known: the ping. */
  | { readonly kind: 'identity' }
  | { readonly kind: 'catalog' }
  /** The registry's own endpoints. */
  | { readonly kind: 'admin' }
  | {
      readonly kind: 'repository';
      readonly repository: string;
      readonly action: Action;
      /** The repository that a blob is to be mounted from. Not to be allowed there is no reason to refuse. */
      readonly from?: string;
    };

/** Why credentials were not enough (RFC 6750, section 3.1). */
export type Failure = 'invalid_token' | 'insufficient_scope';

/** The answer of a token endpoint, and whose it is, for the log. */
export interface TokenAnswer {
  readonly response: Response;
  readonly user?: string;
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
  /** True when the caller may do this in a repository, whether it exists or not. */
  allows(principal: Principal, action: Action, repository: string): boolean;
  /** True when the caller may ask for the catalog; what is in it is what its user may pull. */
  mayList(principal: Principal): boolean;
  /** True when the caller may use the registry's own endpoints. */
  administers(principal: Principal): boolean;
  /** True when the ping must ask the caller for credentials, so that clients learn how to send them. */
  pingNeedsCredentials(principal: Principal): boolean;
  /**
   * The `WWW-Authenticate` header that tells a client how to go on.
   * @param origin scheme and host of the registry, as the client sees it
   */
  challenge(origin: string, wanted: Wanted, failure?: Failure): string;
  /** Answers the token endpoint, if this kind of access has one. */
  token?(request: Request): Promise<TokenAnswer>;
}

/** A caller without credentials. */
export const ANYBODY: Principal = {};

/** Access for all: what a registry on loopback starts with. */
export const OPEN_ACCESS: Access = {
  open: true,
  authenticate: () => Promise.resolve(ANYBODY),
  allows: () => true,
  mayList: () => true,
  administers: () => true,
  pingNeedsCredentials: () => false,
  challenge: () => 'Basic realm="ocilot"',
};

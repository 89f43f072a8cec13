import type { Elsewhere, ReferrerMatch } from './matchers.js';

/** The matchers as `expect(registry)` shows them; `R` is what a matcher of the runner returns. */
export interface RegistryAssertions<R = void> {
  /** A client has pushed that manifest, by tag or by digest; with a bare repository, any. */
  toHavePushed(reference: string): R;
  /** The registry has that tag, and when a digest is given it leads there. */
  toHaveTag(reference: string, digest?: string): Promise<void>;
  /** Something in the registry refers to that manifest. */
  toHaveReferrer(reference: string, match?: ReferrerMatch): Promise<void>;
  /** No request with credentials has reached another host. */
  toHaveNeverSentCredentialsTo(elsewhere: Elsewhere): R;
}

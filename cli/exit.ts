import { isOciError, printable } from '../oci/index.js';

/** What the process ends with; docs/configuration.md lists them. */
export const EXIT = {
  ok: 0,
  /** The work was understood and did not succeed; `scrub` or `verify` found damage. */
  failure: 1,
  /** The command line, the environment or a file is wrong: trying again changes nothing. */
  usage: 2,
  /** The data folder or the port is in use: trying again later may help. */
  busy: 3,
  /** All is right that was checked, and not enough: `verify` misses a seal, or the base of a differential archive. */
  incomplete: 4,
} as const;

/** The command line is wrong in a way that no option's own check sees. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The exit code that a failure stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (isOciError(error, 'STORE_LOCKED') || systemCode(causeOf(error)) === 'EADDRINUSE') return EXIT.busy;
  if (isOciError(error, 'INVALID_OPTION') || isOciError(error, 'REFERENCE_INVALID')) return EXIT.usage;
  return EXIT.failure;
}

/** What to tell a person: one line, but the whole stack of what nobody foresaw. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const foreseen = isOciError(error) || error instanceof UsageError || systemCode(error) !== undefined;
  return foreseen ? `${printable(error.message)}${hintFor(error)}` : (error.stack ?? error.message);
}

/** What to try next. */
function hintFor(error: Error): string {
  if (isDistrust(error)) return ' (hint: `--ca-file FILE` names its authority, `--insecure` believes any)';
  const host = refusedAt(error);
  if (host === undefined) return '';
  return ` (hint: \`ocilot login ${host}\` gives credentials, \`ocilot auth explain ${host}\` shows which it has)`;
}

/** The registry that would not believe who asks. */
function refusedAt(error: Error): string | undefined {
  if (!isOciError(error, 'UNAUTHORIZED')) return undefined;
  const { url } = (error.detail ?? {}) as { readonly url?: unknown };
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { pathname, host } = new URL(url);
  // Else it is the service that gives tokens, which has a name of its own.
  return pathname.startsWith('/v2/') ? host : undefined;
}

/** Whether a certificate is at the bottom of it. */
function isDistrust(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++)
    if (
      isOciError(at, 'NETWORK') &&
      (at.detail as { reason?: unknown } | undefined)?.reason === 'certificate'
    )
      return true;
  return false;
}

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

/** The code of an error of the operating system, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

import { InvalidArgumentError, Option, type Command } from 'commander';
import { OciError } from '../oci/index.js';
import { parseDuration } from './values/duration.js';
import { parseWhole } from './values/whole.js';

/** What the options below leave behind, whichever of them a command takes. */
export interface ClientFlags {
  readonly insecure?: boolean;
  readonly plainHttp?: boolean;
  readonly caFile?: readonly string[];
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly authfile?: string;
  readonly registryUsername?: string;
  readonly registryPassword?: string;
  readonly registryToken?: string;
  readonly registryAnon?: boolean;
  readonly registryMap?: readonly string[];
  readonly retry?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly verbose?: boolean;
  // imgpkg's
  readonly registryCaCertPath?: readonly string[];
  readonly registryVerifyCerts?: boolean;
  readonly registryInsecure?: boolean;
  readonly registryResponseHeaderTimeout?: number;
  readonly registryRetryCount?: number;
  readonly debug?: boolean;
}

/** Every option of ours for a command that talks to registries. */
export function withClientOptions(command: Command): Command {
  return withRequestOptions(withCredentialOptions(withTrustOptions(command)));
}

/** What imgpkg's verbs take: ours, and imgpkg's spellings. */
export function withImgpkgOptions(command: Command): Command {
  return withRequestOptions(withCredentialOptions(withTrustOptions(command)), 5)
    .addOption(new Option('--registry-ca-cert-path <path>', 'as --ca-file').argParser(collected))
    .addOption(
      new Option('--registry-verify-certs [bool]', 'check certificates (default: true)').argParser(truth),
    )
    .addOption(new Option('--registry-insecure [bool]', 'as --plain-http').argParser(truth))
    .addOption(
      new Option('--registry-response-header-timeout <time>', 'as --timeout').argParser(
        checked(parseDuration),
      ),
    )
    .addOption(
      // imgpkg takes 0 for 1.
      new Option('--registry-retry-count <n>', 'as --retry')
        .argParser(checked((text) => Math.max(1, parseWhole(text, 0, ATTEMPTS))))
        .default(5),
    )
    .addOption(new Option('--debug [bool]', 'as --verbose').argParser(truth));
}

/** How registries are believed, and how they know us: `--insecure`, `--plain-http`, certificates. */
export function withTrustOptions(command: Command): Command {
  return command
    .option('--insecure', 'believe any certificate, and speak plain HTTP where HTTPS is not answered')
    .option('--plain-http', 'speak plain HTTP where HTTPS is not answered')
    .addOption(
      new Option('--ca-file <path>', 'authorities to trust besides, as PEM (repeatable)').argParser(
        collected,
      ),
    )
    .option('--cert-file <path>', 'client certificate, as PEM')
    .option('--key-file <path>', 'key of the client certificate, as PEM');
}

/** Whose credentials are used. */
export function withCredentialOptions(command: Command): Command {
  return command
    .addOption(authFileOption())
    .option('--registry-username <name>', 'user for every registry (IMGPKG_USERNAME)')
    .option('--registry-password <password>', 'its password; better in IMGPKG_PASSWORD')
    .option('--registry-token <token>', 'bearer token for every registry; better in IMGPKG_TOKEN')
    .addOption(
      new Option('--registry-anon [bool]', 'use no credentials of this machine (IMGPKG_ANON)').argParser(
        truth,
      ),
    );
}

/** How requests are sent: `--registry-map`, `--retry`, `--timeout`, `--verbose`. */
export function withRequestOptions(command: Command, attempts = 4): Command {
  return command
    .addOption(
      new Option(
        '--registry-map <from=to>',
        'go to another registry, as gcr.io=mirror.example/gcr (repeatable)',
      ).argParser(collected),
    )
    .addOption(
      new Option('--retry <n>', `attempts for each request (default: ${attempts})`).argParser(
        checked((text) => parseWhole(text, 1, ATTEMPTS)),
      ),
    )
    .addOption(
      new Option(
        '--timeout <time>',
        'longest silence of a registry before it is asked again (default: 60s)',
      ).argParser(checked(parseDuration)),
    )
    .option('-v, --verbose', 'show every request on stderr, without secrets');
}

/** `--authfile`. */
export const authFileOption = (): Option =>
  new Option('--authfile <path>', 'file of credentials, as Docker and podman write them');

/** Most attempts that can be asked for. */
const ATTEMPTS = 100;

/** The values of an option that may be repeated. */
function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The values of an option that may be repeated, and hold several with commas between them. */
export function listed(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...value.split(',')];
}

/** A flag that may say `=false`, as those of Go programs. */
export function truth(value: string): boolean {
  if (['true', '1', 't'].includes(value.toLowerCase())) return true;
  if (['false', '0', 'f'].includes(value.toLowerCase())) return false;
  throw new InvalidArgumentError('Expected true or false.');
}

/** A parser of ours as commander wants one. */
export function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof OciError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

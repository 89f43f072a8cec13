import { OciError } from './errors.js';
import { quote } from './quote.js';

/** What a manifest runs on (image-spec, image-index.md, "platform"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const PART = /^[A-Za-z0-9_.-]{1,128}$/;

/**
 * Parses `os/architecture[/variant][:os.version]`, as `linux/arm64/v8` or `windows/amd64:10.0.20348`.
 * @throws OciError `INVALID_OPTION`
 */
export function parsePlatform(text: string): Platform {
  const colon = text.indexOf(':');
  const parts = (colon < 0 ? text : text.slice(0, colon)).split('/');
  const version = colon < 0 ? undefined : text.slice(colon + 1);
  const [os, architecture, variant] = parts;
  const named = parts.length <= 3 && parts.every((part) => PART.test(part));
  if (!named || !os || !architecture || (version !== undefined && !PART.test(version))) {
    throw new OciError(
      'INVALID_OPTION',
      `platform ${quote(text)} is not valid: expected os/architecture[/variant][:os.version], for example linux/arm64/v8`,
    );
  }
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  };
}

/** The inverse of `parsePlatform`; `os.features` are not part of the text form. */
export function formatPlatform(platform: Platform): string {
  const variant = platform.variant ? `/${platform.variant}` : '';
  const version = platform['os.version'] ? `:${platform['os.version']}` : '';
  return `${platform.os}/${platform.architecture}${variant}${version}`;
}

/** Other names of architectures, with the variant they imply (containerd's normalisation). */
const ALIASES: ReadonlyMap<string, readonly [architecture: string, variant?: string]> = new Map([
  ['x86_64', ['amd64']],
  ['x86-64', ['amd64']],
  ['aarch64', ['arm64']],
  ['i386', ['386']],
  ['armhf', ['arm', 'v7']],
  ['armel', ['arm', 'v6']],
]);

/** What an architecture means when no variant is named. */
const DEFAULT_VARIANTS: ReadonlyMap<string, string> = new Map([
  ['amd64', 'v1'],
  ['arm', 'v7'],
  ['arm64', 'v8'],
]);

/** One spelling for each machine: lower case, no aliases, `v8` for `8`; no variant is invented. */
function normalize(platform: Platform): { os: string; architecture: string; variant: string | undefined } {
  const os = platform.os.toLowerCase();
  const architecture = platform.architecture.toLowerCase();
  const [name, implied] = ALIASES.get(architecture) ?? [architecture];
  const variant = platform.variant?.toLowerCase().replace(/^(?=\d$)/, 'v');
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture: name,
    variant: implied ?? (variant || undefined),
  };
}

/** A version that is wanted as `10.0.20348` is met by `10.0.20348.2402`. */
function versionMatches(have: string | undefined, want: string | undefined): boolean {
  return !want || have === want || have?.startsWith(`${want}.`) === true;
}

/**
 * True when `have` serves a caller who asked for `want`: every field that `want` names is met, and its `os.features`
 * are all there. A field that `want` leaves out matches anything. Names are compared as containerd does, so that
 * `linux/arm64/v8` and `linux/arm64` are one, and `linux/x86_64` is `linux/amd64`.
 */
export function platformMatches(have: Platform, want: Platform): boolean {
  const had = normalize(have);
  const wanted = normalize(want);
  if (had.os !== wanted.os || had.architecture !== wanted.architecture) return false;
  const variant = had.variant ?? DEFAULT_VARIANTS.get(had.architecture);
  if (wanted.variant !== undefined && variant !== wanted.variant) return false;
  if (!versionMatches(have['os.version'], want['os.version'])) return false;
  const features = have['os.features'] ?? [];
  return (want['os.features'] ?? []).every((feature) => features.includes(feature));
}

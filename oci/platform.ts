import { OciError } from './errors.js';

/** What a manifest runs on (image-spec, image-index.md, "platform"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const PART = /^[A-Za-z0-9_.-]+$/;

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
      `platform "${text}" is not valid: expected os/architecture[/variant][:os.version], for example linux/arm64/v8`,
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

/**
 * True when `have` serves a caller who asked for `want`: every field that `want` names is equal, and its
 * `os.features` are all there. A field that `want` leaves out matches anything.
 */
export function platformMatches(have: Platform, want: Platform): boolean {
  if (have.os !== want.os || have.architecture !== want.architecture) return false;
  if (want.variant !== undefined && have.variant !== want.variant) return false;
  if (want['os.version'] !== undefined && have['os.version'] !== want['os.version']) return false;
  const features = have['os.features'] ?? [];
  return (want['os.features'] ?? []).every((feature) => features.includes(feature));
}

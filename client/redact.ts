/** What may be shown of a query: nothing in these opens a door. */
const SHOWN = new Set([
  'artifactType',
  'digest',
  'from',
  'last',
  'mount',
  'n',
  'ns',
  'offline_token',
  'origin',
  'scope',
  'service',
  'tag',
]);

const HIDDEN = 'REDACTED';

/**
 * A URL for logs and messages: user and password are left out, and of the query only the values of keys that are known
 * to be harmless are shown. Signed URLs of storage services carry their secret in the query.
 */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return HIDDEN;
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  for (const key of new Set(shown.searchParams.keys()))
    if (!SHOWN.has(key)) shown.searchParams.set(key, HIDDEN);
  return shown.href;
}

/** What these hold opens no door. */
const SHOWN_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'docker-distribution-api-version',
  'docker-upload-uuid',
  'if-match',
  'if-none-match',
  'if-range',
  'oci-subject',
  'range',
  'retry-after',
  'user-agent',
  'warning',
  'www-authenticate',
  'x-request-id',
]);

/**
 * The value of a header for logs: of credentials only the scheme, of URLs what `redactUrl` shows, and nothing of headers
 * that nobody knows.
 */
export function redactHeader(name: string, value: string): string {
  const key = name.toLowerCase();
  if (SHOWN_HEADERS.has(key)) return value;
  if (key === 'location') return redactLocation(value);
  const scheme = /^(Basic|Bearer|Digest|Negotiate) /i.exec(value)?.[1];
  return scheme === undefined ? HIDDEN : `${scheme} ${HIDDEN}`;
}

/** A `Location` may be relative. */
function redactLocation(location: string): string {
  const base = 'http://relative.invalid';
  if (!URL.canParse(location, base)) return HIDDEN;
  const whole = redactUrl(new URL(location, base).href);
  return whole.startsWith(`${base}/`) ? whole.slice(base.length) : whole;
}

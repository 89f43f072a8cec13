import { isIP } from 'node:net';
import { OciError } from '../../oci/index.js';
import type { ResolvedOptions } from '../options.js';

/** What tells the registry's own pages from those of others. */
export type Site = Pick<ResolvedOptions, 'access' | 'publicUrl'>;

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

const WRITES: ReadonlySet<string> = new Set(['PUT', 'POST', 'PATCH', 'DELETE']);

/**
 * Where everybody may do everything, so may every page that somebody near the registry looks at. Its browser names the
 * page in `Origin`: what would change something must come from here. Tools send no such header.
 * @throws OciError `DENIED`
 */
export function refuseForeignWrite(request: Request, { access, publicUrl }: Site): void {
  const origin = request.headers.get('origin');
  if (!access.open || origin === null || !WRITES.has(request.method)) return;
  const page = urlOf(origin);
  if (page === undefined) throw foreign();
  if (page.origin === publicUrl) return;
  if (!LOOPBACK.has(page.hostname) || page.port !== hostOf(request)?.port) throw foreign();
}

/**
 * For the registry's own endpoints, reading too. A page may have made its own name lead here (DNS rebinding), and is then
 * no other site to the browser: an open registry answers only to names that no page can have.
 * @throws OciError `DENIED`
 */
export function refuseForeignPage(request: Request, site: Site): void {
  const host = hostOf(request);
  if (site.access.open && !isOwnName(host?.hostname ?? '', site)) {
    throw new OciError(
      'DENIED',
      'without access control this is answered on localhost, an IP address and the host of publicUrl only',
    );
  }
  refuseForeignWrite(request, site);
  const origin = request.headers.get('origin');
  if (site.access.open || origin === null) return;
  if (host === undefined || urlOf(origin)?.host !== host.host) throw foreign();
}

function isOwnName(name: string, { publicUrl }: Site): boolean {
  if (LOOPBACK.has(name) || name.endsWith('.localhost')) return true;
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  return publicUrl !== undefined && new URL(publicUrl).hostname === name;
}

/** What the request says that it was sent to. */
function hostOf(request: Request): URL | undefined {
  const host = request.headers.get('host');
  return urlOf(host === null ? request.url : `${new URL(request.url).protocol}//${host}`);
}

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

const foreign = (): OciError => new OciError('DENIED', 'this is not for pages of other sites');

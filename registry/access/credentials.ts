import { OciError } from '../../oci/index.js';

/** What an `Authorization` header carries. */
export type Credentials =
  | { readonly scheme: 'basic'; readonly name: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

/**
 * Reads the `Authorization` header of a request: Basic (RFC 7617, in UTF-8) or Bearer (RFC 6750).
 * @returns undefined when there is none, and for neither name nor password: that is what podman and skopeo send to a
 *   registry that asks for Basic when they have no credentials for it
 * @throws OciError `UNAUTHORIZED`
 */
export function credentialsOf(request: Request): Credentials | undefined {
  const header = request.headers.get('authorization');
  if (header === null) return undefined;
  const match = /^(basic|bearer) +([\w+./~=-]+)$/i.exec(header.trim());
  const [, scheme = '', text = ''] = match ?? [];
  if (match === null)
    throw new OciError('UNAUTHORIZED', 'the Authorization header is neither Basic nor Bearer');
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: text };
  const pair = Buffer.from(text, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) throw new OciError('UNAUTHORIZED', 'the Basic credentials are not user:password');
  if (pair === ':') return undefined;
  return { scheme: 'basic', name: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

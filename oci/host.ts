/** Longest `host:port`: a DNS name of 253 characters, a colon, five digits. */
const HOST_LIMIT = 259;

/** A DNS name or IPv4 address, or an IPv6 address in brackets; then perhaps a port. */
const HOST = /^([A-Za-z0-9]+(?:(?:-+|\.)[A-Za-z0-9]+)*|\[[0-9A-Fa-f:.]+\])(?::[1-9]\d{0,4})?$/;

/**
 * True for `host[:port]` of a registry: Docker's grammar, and an authority that an URL keeps as it is. So a port ends
 * at 65535, an IPv6 address is one, and no `0x7f.1` or `127.1` turns into another address on its way to a socket.
 */
export function isHost(text: string): boolean {
  const name = text.length > HOST_LIMIT ? undefined : HOST.exec(text)?.[1];
  const url = `http://${text}`;
  if (name === undefined || !URL.canParse(url)) return false;
  return name.startsWith('[') || new URL(url).hostname === name.toLowerCase();
}

/**
 * Docker's rule for whether the first component of a reference is a host: it has a dot, a colon or a capital, which
 * no first component of a repository on Docker Hub has, or is `localhost`.
 */
export function looksLikeHost(component: string): boolean {
  return component === 'localhost' || /[.:A-Z]/.test(component);
}

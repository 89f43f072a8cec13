import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OciError, quote } from '../../oci/index.js';

/** Where a daemon listens. */
export type DaemonAddress =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

/** Docker's port without TLS. */
const PORT = 2375;

/**
 * Where the daemon of Docker or podman is: what `DOCKER_HOST` says, else the first of their sockets that is there.
 * @param host instead of `DOCKER_HOST`: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`
 * @throws OciError `INVALID_OPTION` for an address that is none, or when there is no socket; `UNSUPPORTED` for ssh, named
 * pipes and TLS
 */
export function daemonAddress(
  host?: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): DaemonAddress {
  const given = host ?? env.DOCKER_HOST;
  if (given) return parseAddress(given, env);
  const sockets = [
    '/var/run/docker.sock',
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'podman/podman.sock')] : []),
    '/run/podman/podman.sock',
  ];
  const socketPath = sockets.find((path) => existsSync(path));
  if (socketPath !== undefined) return { socketPath };
  throw new OciError(
    'INVALID_OPTION',
    `no daemon was found: none of ${sockets.join(', ')} is there; start one, or set DOCKER_HOST`,
  );
}

function parseAddress(text: string, env: Readonly<Record<string, string | undefined>>): DaemonAddress {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { socketPath: rest };
  if (scheme === 'tcp') {
    if (env.DOCKER_TLS_VERIFY)
      throw new OciError(
        'UNSUPPORTED',
        `daemon ${quote(text)}: TLS (DOCKER_TLS_VERIFY) is not supported; use a socket`,
      );
    const found = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
    if (found !== undefined && found.hostname !== '' && found.pathname === '/') {
      return { host: found.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(found.port || PORT) };
    }
  }
  if (scheme === 'ssh' || scheme === 'npipe' || scheme === 'fd')
    throw new OciError(
      'UNSUPPORTED',
      `daemon ${quote(text)}: ${scheme} is not supported; use unix:// or tcp://`,
    );
  throw new OciError(
    'INVALID_OPTION',
    `daemon ${quote(text)} is not valid: expected unix:///path/to/socket or tcp://host:port`,
  );
}

/** For messages. */
export function showAddress(address: DaemonAddress): string {
  return 'socketPath' in address ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`;
}

import { hostname } from 'node:os';

/** Addresses that mean every address of this machine. */
const WILDCARDS = new Set(['0.0.0.0', '::']);

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** What a server is reached by. */
export interface Reached {
  /** As the server says it. */
  readonly url: string;
  /** What it listens on. */
  readonly host: string;
  readonly port: number;
  readonly publicUrl?: string | undefined;
  /** File of the authority that clients must trust. */
  readonly authority?: string | undefined;
}

/** The URL to print: one that works on this machine, also for a server on every address. */
export function localUrl({ url, host, port }: Reached): string {
  if (!WILDCARDS.has(host)) return url;
  return `${new URL(url).protocol}//${host === '::' ? '[::1]' : '127.0.0.1'}:${port}`;
}

/** The URL that other machines use, as far as it can be told. */
function clientUrl(reached: Reached): string {
  if (reached.publicUrl !== undefined) return new URL(reached.publicUrl).origin;
  if (!WILDCARDS.has(reached.host)) return reached.url;
  return `${new URL(reached.url).protocol}//${hostname().toLowerCase()}:${reached.port}`;
}

/** The lines that point docker, podman and containerd at a registry. */
export function clientHints(reached: Reached): string {
  const url = clientUrl(reached);
  const { protocol } = new URL(url);
  // Not `URL.host`: it leaves out a port that is the scheme's own, and the scheme here may be another client's guess.
  const name = url.slice(`${protocol}//`.length);
  const plain = protocol === 'http:';
  return [...docker(name, plain, reached), ...podman(name, plain, reached), ...containerd(name, url, reached)]
    .map((line) => `${line}\n`)
    .join('');
}

function docker(name: string, plain: boolean, { authority }: Reached): string[] {
  const title = '# docker';
  if (plain) {
    return [
      `${title}: merge into /etc/docker/daemon.json, then restart docker; 127.0.0.1 needs nothing`,
      JSON.stringify({ 'insecure-registries': [name] }),
      '',
    ];
  }
  if (authority === undefined) return [`${title}: needs no settings for a certificate that it trusts`, ''];
  return [
    `${title}: trust the authority`,
    `mkdir -p /etc/docker/certs.d/${name} && cp ${authority} /etc/docker/certs.d/${name}/ca.crt`,
    '',
  ];
}

function podman(name: string, plain: boolean, { authority }: Reached): string[] {
  const title = '# podman, buildah, skopeo, CRI-O';
  if (plain) {
    return [
      `${title}: /etc/containers/registries.conf.d/ocilot.conf`,
      '[[registry]]',
      `location = ${JSON.stringify(name)}`,
      'insecure = true',
      '',
    ];
  }
  if (authority === undefined) return [`${title}: needs no settings for a certificate that it trusts`, ''];
  return [
    `${title}: trust the authority`,
    `mkdir -p /etc/containers/certs.d/${name} && cp ${authority} /etc/containers/certs.d/${name}/ca.crt`,
    '',
  ];
}

function containerd(name: string, url: string, { authority }: Reached): string[] {
  return [
    `# containerd: /etc/containerd/certs.d/${name}/hosts.toml`,
    '# with config_path = "/etc/containerd/certs.d" for its registry in config.toml',
    `server = ${JSON.stringify(url)}`,
    '',
    `[host.${JSON.stringify(url)}]`,
    '  capabilities = ["pull", "resolve", "push"]',
    ...(authority === undefined ? [] : [`  ca = ${JSON.stringify(authority)}`]),
  ];
}

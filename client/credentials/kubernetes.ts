import { join } from 'node:path';
import { OciError, collect, isObject, parseJson, type CallOptions } from '../../oci/index.js';
import { Flights } from '../auth/flights.js';
import { undiciDriver } from '../drivers/undici.js';
import { responseError } from '../errors.js';
import type { Transport } from '../transport.js';
import { parseAuthFile, type AuthEntry } from './auth-file.js';
import { moreExactFirst, parseHostPattern, patternFits, type HostPattern } from './host-pattern.js';
import { describeCredentials, type Credentials, type Keychain } from './keychain.js';
import { readShort } from './read-short.js';

/** Which pull secrets are used, and where the cluster is. */
export interface KubernetesOptions {
  /** Default: that of this pod. */
  readonly namespace?: string;
  /** The account whose pull secrets are used. Default: that of this pod. */
  readonly serviceAccount?: string;
  /** Secrets besides, by name. They come first. */
  readonly pullSecrets?: readonly string[];
  /** Told of secrets that are not there, which is no error. */
  readonly onWarning?: (text: string) => void;
  /** Default `process.env`: `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What a pod is given: `token`, `ca.crt`, `namespace`. */
  readonly folder?: string;
  /** What requests are sent with. Default: sockets that trust the authority of the cluster. */
  readonly transport?: Transport;
}

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A secret holds 1 MiB at most, which base64 makes longer by a third. */
const ANSWER_LIMIT = 2 * 1024 * 1024;

interface Entry extends HostPattern {
  /** For `explain`. */
  readonly place: string;
  readonly credentials: Credentials;
}

/**
 * The pull secrets of Kubernetes, as nodes use them: those that are named, then those of a service account, read once
 * from the server of the cluster. A key may have globs within the labels of its host and a path behind it; the longest
 * that fits wins. Without a cluster it has nothing.
 * @throws OciError on `resolve`: `INVALID_OPTION` for files of the pod or secrets that cannot be read, and what the
 *   server answers
 */
export function kubernetesKeychain(options: KubernetesOptions = {}): Keychain {
  const reads = new Flights<readonly Entry[]>();
  let known: readonly Entry[] | undefined;
  return {
    async resolve(target, { signal, onFinding } = {}) {
      const { KUBERNETES_SERVICE_HOST: host } = options.environment ?? process.env;
      if (!host) {
        onFinding?.({ place: 'Kubernetes', outcome: 'none', about: 'KUBERNETES_SERVICE_HOST is not set' });
        return undefined;
      }
      known ??= await reads.join('', (all) => readEntries(options, all), signal);
      const found = known.find((entry) => patternFits(entry, target));
      onFinding?.(
        found === undefined
          ? { place: 'pull secrets of Kubernetes', outcome: 'none', about: `none fits ${target.registry}` }
          : { place: found.place, outcome: 'found', about: describeCredentials(found.credentials) },
      );
      return found?.credentials;
    },
  };
}

async function readEntries(options: KubernetesOptions, signal: AbortSignal): Promise<readonly Entry[]> {
  const { onWarning } = options;
  await using cluster = await openCluster(options);
  const { namespace, account } = cluster;
  const path = (kind: string, name: string): string =>
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(name)}`;
  const names = new Set(options.pullSecrets);
  const owner = await cluster.get(path('serviceaccounts', account), { signal });
  if (owner === undefined) onWarning?.(`there is no service account ${namespace}/${account}`);
  const listed = Array.isArray(owner?.imagePullSecrets) ? (owner.imagePullSecrets as unknown[]) : [];
  for (const entry of listed) if (isObject(entry) && typeof entry.name === 'string') names.add(entry.name);
  const entries: Entry[] = [];
  for (const name of names) {
    const secret = await cluster.get(path('secrets', name), { signal });
    if (secret === undefined) onWarning?.(`there is no pull secret ${namespace}/${name}: it is left out`);
    else entries.push(...entriesOf(secret, `pull secret ${namespace}/${name}`));
  }
  // The sort is stable: of two that are alike, that of the earlier secret stays first.
  return entries.toSorted((one, other) => (one.order === other.order ? 0 : moreExactFirst(one, other)));
}

/** What a secret of one of the two types for registries says; nothing for one of another type. */
function entriesOf(secret: Readonly<Record<string, unknown>>, what: string): Entry[] {
  const data = isObject(secret.data) ? secret.data : {};
  const read = (key: string): Uint8Array | undefined =>
    typeof data[key] === 'string' ? Buffer.from(data[key], 'base64') : undefined;
  const whole = read('.dockerconfigjson');
  const old = read('.dockercfg');
  const entries: AuthEntry[] = [];
  if (whole !== undefined) entries.push(...parseAuthFile(whole, what).entries);
  // The older form is what the newer has under `auths`.
  else if (old !== undefined)
    entries.push(
      ...parseAuthFile(Buffer.concat([Buffer.from('{"auths":'), old, Buffer.from('}')]), what).entries,
    );
  return entries.flatMap(({ key, credentials }) =>
    credentials === undefined
      ? []
      : [{ ...parseHostPattern(key), place: `${what}: ${JSON.stringify(key)}`, credentials }],
  );
}

interface Cluster extends AsyncDisposable {
  readonly namespace: string;
  /** The service account. */
  readonly account: string;
  /** An object; undefined when there is none. */
  get(path: string, options: CallOptions): Promise<Record<string, unknown> | undefined>;
}

async function openCluster(options: KubernetesOptions): Promise<Cluster> {
  const { environment = process.env, folder = FOLDER } = options;
  const token = await readGiven(folder, 'token');
  const own = options.namespace ?? (await readGiven(folder, 'namespace'));
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const root = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const driver =
    options.transport === undefined
      ? undiciDriver({ environment, tls: { ca: await readGiven(folder, 'ca.crt') } })
      : { transport: options.transport, close: () => Promise.resolve() };
  return {
    namespace: own,
    account: options.serviceAccount ?? accountOf(token) ?? 'default',
    async get(path, { signal }) {
      const response = await driver.transport({
        method: 'GET',
        url: `${root}${path}`,
        headers: { accept: 'application/json', authorization: `Bearer ${token}` },
        ...(signal && { signal }),
      });
      if (response.status === 404) {
        await response.discard();
        return undefined;
      }
      if (response.status !== 200)
        throw await responseError(response, `${path} of ${root}`, { method: 'GET' });
      const answer = parseJson(await collect(response.body, ANSWER_LIMIT, path), path, 'UNKNOWN');
      return isObject(answer) ? answer : {};
    },
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

async function readGiven(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const text = await readShort(path).catch((cause: Error) => {
    throw new OciError('INVALID_OPTION', `${path} cannot be read: ${cause.message}; is this a pod?`, {
      cause,
    });
  });
  return text.trim();
}

/** The account that a token was made for: its subject is `system:serviceaccount:NAMESPACE:NAME`. */
function accountOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const subject = isObject(claims) && typeof claims.sub === 'string' ? claims.sub : '';
    return /^system:serviceaccount:[^:]+:([^:]+)$/.exec(subject)?.[1];
  } catch {
    return undefined;
  }
}

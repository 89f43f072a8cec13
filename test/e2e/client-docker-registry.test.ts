import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, describe as descriptorOf, digestOf, encodeJson } from '../../oci/index.js';
import { copy } from '../../image/copy/index.js';
import {
  RemoteRepository,
  createClient,
  openJournal,
  remoteSink,
  remoteSource,
  type Client,
  type RemoteSinkOptions,
  type Transport,
} from '../../client/index.js';
import { undiciDriver } from '../../client/drivers/undici.js';
import { networkError } from '../../client/network-errors.js';
import { describedImage, startRegistry } from '../../testing/index.js';
import { blobIn, listOf } from '../client/site.js';
import { startDockerRegistry, type DockerRegistry } from '../helpers/clients/docker-registry.js';
import { Home } from '../helpers/clients/home.js';
import { have } from '../helpers/clients/process.js';
import { Teardown } from '../helpers/clients/teardown.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';

const BYTES = bytesOf('docker-registry', 3_000_000);
const CHUNK = 1_000_000;

const missing = have('docker-registry') ? '' : ' (skipped: docker-registry is not installed)';

describe.skipIf(missing !== '')(`a sink and a source over docker-registry${missing}`, () => {
  const teardown = new Teardown();
  let registry: DockerRegistry;
  let client: Client;

  beforeAll(async () => {
    registry = await startDockerRegistry(await Home.create(teardown), teardown);
    client = createClient();
    teardown.add(() => client.close());
  });
  afterAll(() => teardown.run());

  const repositoryOf = (repository: string, by: Client = client): RemoteRepository =>
    new RemoteRepository(by.transport, { registry: registry.host, repository });
  const sinkOf = (repository: string, options: RemoteSinkOptions = {}, by?: Client) =>
    remoteSink(repositoryOf(repository, by), { chunkSize: CHUNK, ...options });

  it('sends pieces, mounts, and reads ranges', async () => {
    const blob = blobIn(BYTES);
    expect(await sinkOf('team/one').putBlob(blob)).toBe('sent');
    expect(await sinkOf('team/one').putBlob(blob)).toBe('present');
    const from = [{ registry: registry.host, repository: 'team/one' }];
    expect(await sinkOf('team/two').putBlob(blob, { from })).toBe('mounted');
    const range = { start: 1000, end: 2_000_000 };
    const [read] = [await remoteSource(repositoryOf('team/two')).blob(blob.descriptor, { range })];
    expect(digestOf(Buffer.concat(await listOf(read)))).toBe(digestOf(BYTES.subarray(1000, 2_000_001)));
  });

  it('goes on with an upload of another process', async () => {
    const folder = await tempFolder();
    const bytes = bytesOf('interrupted', 3_500_000);
    const inner = undiciDriver();
    let patches = 0;
    const sent: string[] = [];
    const driver: Transport = async (request) => {
      sent.push(`${request.method} ${request.headers['content-range'] ?? ''}`);
      if (request.method === 'PATCH' && ++patches === 3)
        throw networkError(Object.assign(new Error('cut'), { code: 'ECONNRESET' }), request);
      return await inner.transport(request);
    };
    const options = { journal: openJournal({ folder }), retry: { attempts: 1 } };
    await using other = createClient({ driver: { transport: driver, close: () => inner.close() } });
    await expect(sinkOf('team/three', options, other).putBlob(blobIn(bytes))).rejects.toThrow(/cut/);
    sent.length = 0;
    const again = { journal: openJournal({ folder }) };
    expect(await sinkOf('team/three', again, other).putBlob(blobIn(bytes))).toBe('sent');
    expect(sent).toEqual(['GET ', 'PATCH 2000000-2999999', 'PATCH 3000000-3499999', 'PUT ']);
  });

  it('keeps the list of referrers that the registry does not keep', async () => {
    await using ours = await startRegistry();
    const { v1 } = (
      await ours.seed({
        'team/app': {
          v1: describedImage({ layers: 1 }),
          '@sig': { artifactType: 'text/sig', blobs: [], subject: 'v1' },
        },
      })
    )['team/app'];
    const source = remoteSource(
      new RemoteRepository(client.transport, { registry: ours.host, repository: 'team/app' }),
    );
    const sink = sinkOf('team/app');
    await copy(source, sink, [{ descriptor: v1.descriptor, tags: ['v1'] }]);
    expect(await listOf(repositoryOf('team/app').referrers(v1.digest))).toEqual([
      expect.objectContaining({ artifactType: 'text/sig' }),
    ]);
    const bytes = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [],
      subject: v1.descriptor,
      annotations: { one: 'more' },
    });
    await sink.putManifest(descriptorOf(MEDIA_TYPES.ociIndex, bytes), bytes);
    const found = await listOf(repositoryOf('team/app').referrers(v1.digest));
    expect(found.map(({ annotations }) => annotations?.['one'])).toEqual([undefined, 'more']);
  });
});

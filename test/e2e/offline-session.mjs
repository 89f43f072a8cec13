// Runs where there is no network but loopback: installs an unpacked archive, serves with it, pushes an image and pulls
// it again. Arguments: the unpacked folder, a folder for everything else. Prints what it found as JSON.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

const [unpacked, place] = process.argv.slice(2);
const prefix = join(place, 'prefix');
const data = join(place, 'data');
const ocilot = join(prefix, 'bin', 'ocilot');
const password = 'secret-of-alice';
const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;

const run = (command, args, input = '') => execFileSync(command, args, { encoding: 'utf8', input });
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const installed = run('sh', [join(unpacked, 'install.sh'), prefix]);
run(ocilot, ['user', 'add', 'alice', '--data', data, '--password-stdin'], password);
const server = spawn(
  ocilot,
  ['serve', '--port', '0', '--data', data, '--access-mode', 'basic', '--print-url'],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const [line] = await once(server.stdout, 'data');
const url = String(line).trim();

async function ask(method, path, body, type = 'application/octet-stream') {
  const headers = { authorization, 'content-type': type };
  const request = new Request(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const answer = await fetch(request);
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
}

/** Larger than what the database keeps in itself. */
const layer = Buffer.alloc(2_000_000, 'layer');
const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
const type = 'application/vnd.oci.image.manifest.v1+json';
const describe = (mediaType, bytes) => ({ mediaType, digest: digestOf(bytes), size: bytes.byteLength });
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  }),
);

const pushed = [];
for (const blob of [layer, config]) {
  pushed.push((await ask('POST', `/v2/team/app/blobs/uploads/?digest=${digestOf(blob)}`, blob)).status);
}
pushed.push((await ask('PUT', '/v2/team/app/manifests/1', manifest, type)).status);
const pulled = [
  (await ask('GET', '/v2/team/app/manifests/1')).bytes.equals(manifest),
  (await ask('GET', `/v2/team/app/blobs/${digestOf(layer)}`)).bytes.equals(layer),
];
const anonymous = (await fetch(`${url}/v2/`)).status;
const scrub = JSON.parse(run(ocilot, ['scrub', '--data', data, '-o', 'json']));
server.kill('SIGTERM');
const [code] = await once(server, 'exit');

process.stdout.write(
  JSON.stringify({
    interfaces: Object.keys(networkInterfaces()),
    installed,
    version: run(ocilot, ['version']),
    pushed,
    pulled,
    anonymous,
    damaged: scrub.damaged,
    code,
  }),
);

import { createHash } from 'node:crypto';

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The code under test: puts a report into a registry as an artifact, and tries again when the registry is busy. */
export async function publish({ url, repository, tag, report }) {
  const bytes = Buffer.from(JSON.stringify(report));
  const config = Buffer.from('{}');
  await putBlob(`${url}/v2/${repository}`, config);
  await putBlob(`${url}/v2/${repository}`, bytes);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    artifactType: 'application/vnd.example.report',
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(config), size: 2 },
    layers: [{ mediaType: 'application/json', digest: digestOf(bytes), size: bytes.byteLength }],
  });
  const headers = { 'content-type': mediaType };
  const answer = await send(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers,
    body: manifest,
  });
  return answer.headers.get('docker-content-digest');
}

async function putBlob(base, bytes) {
  const started = await send(`${base}/blobs/uploads/`, { method: 'POST' });
  const target = new URL(started.headers.get('location'), base);
  target.searchParams.set('digest', digestOf(bytes));
  await send(target, { method: 'PUT', body: bytes });
}

async function send(url, init) {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, init);
    if (answer.ok) return answer;
    if (attempt === 3 || ![429, 503].includes(answer.status))
      throw new Error(`${init.method} ${url}: ${answer.status}`);
    const seconds = Number(answer.headers.get('retry-after') ?? 0);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

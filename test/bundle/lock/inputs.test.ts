import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imagesInFiles, imagesInText, wantedImages } from '../../../bundle/index.js';
import { isOciError } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { fileOf } from '../fixtures.js';

const texts = (text: string, file = 'x', environment = {}): string[] =>
  imagesInText(text, file, environment).images.map((image) => image.text);

describe('images in a list', () => {
  it('stand one on each line', () =>
    expect(
      texts('# all\nnginx:1.27\n\nr.example:5000/app:~1.4  # a range\n  r.example/db:>=1.2 <2\r\n'),
    ).toEqual(['nginx:1.27', 'r.example:5000/app:~1.4', 'r.example/db:>=1.2 <2']));

  it('tell where they stand', () =>
    expect(imagesInText('\na:1', 'list.txt').images[0]?.where).toBe('list.txt:2'));

  it('may be a list of YAML', () => expect(texts('- a:1\n- image: b:1\n')).toEqual(['a:1', 'b:1']));
});

describe('images of Kubernetes', () => {
  const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: i, image: init:1}]
      containers:
      - name: app
        image: "app:1.10"
        env: [{name: image, value: x}]
      ephemeralContainers:
      - {name: e, image: debug@sha256:${'0'.repeat(64)}}
      volumes:
      - {name: v, image: {reference: model:2, pullPolicy: Always}}
---
# nothing
---
kind: Prometheus
spec: {image: quay.io/prometheus:~2.5}
`;

  it('are found at any depth, in every document', () =>
    expect(texts(DEPLOYMENT)).toEqual([
      'init:1',
      'app:1.10',
      `debug@sha256:${'0'.repeat(64)}`,
      'model:2',
      'quay.io/prometheus:~2.5',
    ]));

  it('are found in JSON', () =>
    expect(texts('{"kind":"List","items":[{"spec":{"containers":[{"image":"a:1"}]}}]}')).toEqual(['a:1']));

  it('are found in JSON that is set with tabs', () =>
    expect(texts('{\n\t"image": "a:1",\n\t"b": [{\n\t\t"image": "b:1"\n\t}]\n}')).toEqual(['a:1', 'b:1']));

  it('tell where they stand', () =>
    expect(imagesInText(DEPLOYMENT, 'd.yml').images[1]?.where).toBe(
      'd.yml (document 1): spec.template.spec.containers[0].image',
    ));

  it('are an error in a container, and left out elsewhere, when they are no references', () => {
    const other = imagesInText('kind: A\nspec: {image: "https://x/y.png"}', 'a.yml');
    expect(wantedImages(other.images)).toEqual({
      wanted: [],
      notices: ['a.yml: spec.image is "https://x/y.png", which is no reference: left out'],
    });
    const pod = imagesInText('kind: Pod\nspec: {containers: [{image: "A B"}]}', 'p.yml');
    expect(() => wantedImages(pod.images)).toThrow(/^p\.yml: spec\.containers\[0\]\.image: /);
  });

  it('are not in a kustomization, which is told what to do', () =>
    expect(() => texts('resources: [a.yml]\nimages: [{name: a, newTag: b}]')).toThrow(
      /kustomization.*kustomize build/,
    ));

  it('are found in lock files', () =>
    expect(
      texts(
        `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: a@sha256:${'1'.repeat(64)}`,
      ),
    ).toEqual([`a@sha256:${'1'.repeat(64)}`]));
});

describe('images of a compose file', () => {
  const COMPOSE = `
x-base: &base {image: "base:1"}
services:
  web: {image: "web:\${TAG:-1.2}"}
  db: {image: "db:$DB_TAG"}
  price: {image: "p:\${A-x}\${B:+y}"}
  merged: {<<: *base}
  made: {build: .}
`;

  it('are those of its services, with variables filled in', () => {
    const { images, notices } = imagesInText(COMPOSE, 'compose.yaml', { DB_TAG: '16', A: '', B: '1' });
    expect(images.map(({ text }) => text)).toEqual(['web:1.2', 'db:16', 'p:y', 'base:1']);
    expect(notices).toEqual(['compose.yaml: service "made" is built and has no image that could be pinned']);
  });

  it('name the variable that is not set', () =>
    expect(() => texts(COMPOSE)).toThrow(/services\.db\.image is "db:\$DB_TAG", and DB_TAG is not set/));
});

describe('images of a Helm chart', () => {
  async function chart(): Promise<string> {
    const folder = await tempFolder();
    const files = {
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\nappVersion: "1.10"\n',
      'values.yaml':
        'global: {imageRegistry: r.example}\nimage: {repository: app}\nsidecar: {image: "side:2"}\n' +
        'metrics: {image: {registry: q.example, repository: exporter, tag: 3.0}}\nname: x\n',
      'templates/a.yaml': 'spec:\n- image: "busybox:1.36"\n- image: {{ .Values.image.repository }}:1\n',
      'charts/sub/Chart.yaml': 'name: sub\n',
      'charts/sub/values.yaml': 'image: {repository: sub, digest: "sha256:' + 'a'.repeat(64) + '"}\n',
    };
    for (const [name, text] of Object.entries(files)) await fileOf(join(folder, 'app', name), text);
    return folder;
  }

  it('are those of values and templates where there is no helm', async () => {
    const folder = await chart();
    const { images, notices } = await imagesInFiles([folder], { environment: { PATH: folder } });
    expect(images.map(({ text }) => text)).toEqual([
      'r.example/app:1.10',
      'side:2',
      'q.example/exporter:3.0',
      'busybox:1.36',
      `sub@sha256:${'a'.repeat(64)}`,
    ]);
    expect(notices).toEqual([expect.stringMatching(/app: helm is not on the PATH/)]);
  });

  it('are those of what helm makes of it', async () => {
    const folder = await chart();
    const script = '#!/bin/sh\nprintf "kind: Pod\\nspec:\\n  containers:\\n  - image: $1-$2:1\\n"\n';
    await fileOf(join(folder, 'bin/helm'), script);
    await chmod(join(folder, 'bin/helm'), 0o755);
    const found = await imagesInFiles([join(folder, 'app')], {
      environment: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
    });
    expect(found).toMatchObject({ images: [{ text: 'template-release:1' }], notices: [] });
  });

  it('are what helm refuses, in its words', async () => {
    const folder = await chart();
    await fileOf(join(folder, 'bin/helm'), '#!/bin/sh\necho "parse error" >&2\nexit 1\n');
    await chmod(join(folder, 'bin/helm'), 0o755);
    const environment = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` };
    await expect(imagesInFiles([join(folder, 'app')], { environment })).rejects.toMatchObject({
      code: 'CONTENT_INVALID',
      message: expect.stringMatching(/helm template .*app failed: parse error/),
    });
  });
});

describe('files', () => {
  it('of a folder are read in their order, hidden ones left out', async () => {
    const folder = await tempFolder();
    for (const name of ['b.yml', 'a/c.json', '.hidden/d.yml', 'e.txt'])
      await fileOf(join(folder, name), `{"image": "${name.replaceAll(/\W/g, '')}:1"}`);
    const { images } = await imagesInFiles([folder]);
    expect(images.map(({ text }) => text)).toEqual(['acjson:1', 'byml:1']);
  });

  it('that are not there are named', async () =>
    await expect(imagesInFiles(['/nonexistent/x'])).rejects.toThrow(
      '"/nonexistent/x" cannot be read: there is no such file',
    ));

  it('of any bytes are read or refused', () =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.constantFrom('x', 'x.yml'), (text, file) => {
        try {
          wantedImages(imagesInText(text, file).images);
        } catch (error) {
          if (!isOciError(error)) throw error;
        }
      }),
    ));
});

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import type { FakeContext } from '../cli/context.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, golden, goldenPath, HOST } from './fixtures.js';

async function ocilot(line: string): Promise<FakeContext> {
  const home = await tempFolder();
  return await command(line.split(' '), { env: { HOME: home, XDG_STATE_HOME: join(home, 'state') } });
}

const runs = JSON.parse(golden('runs.json').toString()) as readonly { name: string; stdout: string }[];
const stdoutOf = (name: string): string => runs.find((run) => run.name === name)?.stdout ?? '';

describe.each(['outer.tar', 'everything.oci.tar'])('%s', (name) => {
  const tar = goldenPath(name);

  it('is described as the bundle in its registry was', async () => {
    const asYaml = await ocilot(`describe --tar ${tar} -o yaml`);
    expect(asYaml.written).toEqual({ out: stdoutOf('describe-yaml'), err: '' });
  });

  it('is pulled, bundles in it too, and needs no registry', async () => {
    const folder = join(await tempFolder(), 'out');
    const pulled = await ocilot(`pull --tar ${tar} -r -o ${folder} --tty`);
    expect(pulled.exitCode, pulled.written.err).toBe(0);
    expect(pulled.written.out).toContain(`Pulling nested bundle '${HOST}/src/inner@${DIGESTS.inner}'`);
    const images = await readFile(join(folder, '.imgpkg/images.yml'), 'utf8');
    expect(images).toBe(golden('pulled-before.images.yml').toString());
    const inner = join(folder, '.imgpkg/bundles', DIGESTS.inner.replace(':', '-'));
    expect(await readdir(inner)).toEqual(['.imgpkg', 'cm.yml']);
  });

  it('is loaded, described, copied and pulled here, and comes out as it went in', async () => {
    await using registry = await startRegistry();
    const at = `${registry.host}/here`;
    const folder = await tempFolder();
    expect((await ocilot(`copy --tar ${tar} --to-repo ${at}`)).written.out).toBe(`${at}@${DIGESTS.outer}\n`);
    const described = await ocilot(`describe -b ${at}:v1 -o json`);
    const { content } = JSON.parse(described.written.out) as {
      content: { images: Record<string, { image: string; origin?: string }> };
    };
    expect(content.images[DIGESTS.app]).toMatchObject({
      image: `${at}@${DIGESTS.app}`,
      origin: `${HOST}/src/app@${DIGESTS.app}`,
    });
    const back = join(folder, 'back.tar');
    expect((await ocilot(`copy -b ${at}:v1 --to-tar ${back} --tar-format imgpkg`)).exitCode).toBe(0);
    const again = await ocilot(`describe --tar ${back} -o json --layers=false`);
    expect(JSON.parse(again.written.out)).toMatchObject({ sha: DIGESTS.outer });
    await ocilot(`pull -b ${at}:v1 -o ${folder}/out`);
    const images = await readFile(join(folder, 'out/.imgpkg/images.yml'), 'utf8');
    expect(images).toBe(golden('pulled-after.images.yml').toString().replaceAll(`${HOST}/dst/outer`, at));
  });
});

describe('an archive in place of a registry', () => {
  it('of one image is pulled as an image; an index is refused as ever', async () => {
    await using registry = await startRegistry({ seed: { app: { 1: { files: { a: 'content' } } } } });
    const folder = await tempFolder();
    await ocilot(`copy -i ${registry.host}/app:1 --to-tar ${folder}/a.tar`);
    const pulled = await ocilot(`pull --tar ${folder}/a.tar -o ${folder}/out`);
    expect(pulled.exitCode, pulled.written.err).toBe(0);
    expect(await readFile(join(folder, 'out/a'), 'utf8')).toBe('content');
    const index = await ocilot(`pull --tar ${goldenPath('multi.tar')} -o ${folder}/never`);
    expect(index.written.err).toMatch(/Unable to pull non-images/);
  });

  it('is only read when all of it is right, and leaves the folder as it was', async () => {
    const folder = await tempFolder();
    const bytes = Buffer.from(golden('outer.tar'));
    bytes.writeUInt8((bytes.at(-1800) ?? 0) ^ 1, bytes.length - 1800);
    await writeFile(join(folder, 'bad.tar'), bytes);
    for (const verb of [
      `describe --tar ${folder}/bad.tar`,
      `pull --tar ${folder}/bad.tar -o ${folder}/out`,
    ]) {
      const failed = await ocilot(verb);
      expect([failed.exitCode, failed.written.out]).toEqual([1, '']);
      expect(failed.written.err).toMatch(/is damaged/);
    }
    expect(await readdir(folder)).toEqual(['bad.tar']);
  });

  it('that is differential is looked at where its base is', async () => {
    await using registry = await startRegistry({ seed: { app: { 1: { files: { a: 'a' } } } } });
    const folder = await tempFolder();
    await writeFile(join(folder, 'list'), `${registry.host}/app:1\n`);
    await mkdir(join(folder, 'in'));
    await ocilot(`bundle init ${folder}/in --images-from ${folder}/list`);
    await ocilot(`push -b ${registry.host}/bundle:1 -f ${folder}/in`);
    await ocilot(`inventory ${registry.host}/app:1 --to ${folder}/far`);
    await ocilot(`copy -b ${registry.host}/bundle:1 --to-tar ${folder}/a.tar --have ${folder}/far`);
    const failed = await ocilot(`pull --tar ${folder}/a.tar -o ${folder}/out`);
    expect(failed.exitCode).toBe(1);
    expect(failed.written.err).toMatch(
      /is a differential archive, which lacks what .*\/app had: load it there/,
    );
  });

  it.each([
    ['describe --tar x -b a.io/b', /only one of --bundle \(-b\) and --tar/],
    ['pull --tar x -b a.io/b -o y', /Expected only one/],
    ['pull --tar /nonexistent/x -o y', /there is no archive/],
  ])('%s is refused', async (line, message) => {
    const failed = await ocilot(line);
    expect([failed.exitCode, failed.written.out]).toEqual([1, '']);
    expect(failed.written.err).toMatch(message);
  });
});

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOciError } from '../../oci/index.js';
import { parseRegistries, readRegistries, registryMaps, type RegistryRule } from '../../client/index.js';
import { insecureBy, parsePrefix, placeBy, ruleFor } from '../../client/registries/rules.js';
import { tempFolder } from '../helpers/temp.js';

const TEXT = `
unqualified-search-registries = ["docker.io", "quay.io"]
short-name-mode = "enforcing"

[[registry]]
prefix = "docker.io/library"
location = "mirror.example:5000/hub/"
insecure = true
mirror-by-digest-only = true

[[registry.mirror]]
location = "one.example"

[[registry.mirror]]
location = "two.example/cache"
insecure = true
pull-from-mirror = "tag-only"

[[registry]]
location = "bad.example"
blocked = true

[[registry]]
prefix = "*.corp.example"
`;

describe('registries.conf', () => {
  it('is read as podman reads it', async () => {
    expect(await parseRegistries(TEXT, 'it')).toEqual([
      {
        prefix: 'index.docker.io/library',
        location: 'mirror.example:5000/hub',
        insecure: true,
        mirrors: [
          { location: 'one.example', pull: 'digest-only' },
          { location: 'two.example/cache', insecure: true, pull: 'tag-only' },
        ],
      },
      { prefix: 'bad.example', blocked: true },
      { prefix: '*.corp.example' },
    ]);
    expect(await parseRegistries('', 'it')).toEqual([]);
  });

  it.each([
    ['[[registry]', /it is not TOML/],
    ['registry = 1', /it: registry is not a list of tables/],
    ['registry = [1]', /registry\[0\] is not a table/],
    ['[[registry]]', /registry\[0\] has neither prefix nor location/],
    ['[[registry]]\nlocation = "https://a.example"', /registry\[0\]\.location is "https:/],
    ['[[registry]]\nlocation = 5', /location is number/],
    ['[[registry]]\nlocation = "*.a.example"', /is a pattern/],
    ['[[registry]]\nprefix = "A/B"', /registry\[0\]\.prefix is "A\/B"/],
    ['[[registry]]\nlocation = "a.example"\nblocked = "yes"', /blocked is not true or false/],
    ['[[registry]]\nlocation = "a.example"\n[[registry.mirror]]', /mirror\[0\] has no location/],
    [
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\npull-from-mirror = "no"',
      /mirror\[0\]\.pull-from-mirror is not one of/,
    ],
    ['[registries.search]\nregistries = ["a"]', /of version 1/],
  ])('refuses %j', async (text, problem) => {
    const failure = await parseRegistries(text, 'it').catch((error: unknown) => error);
    expect(isOciError(failure, 'INVALID_OPTION')).toBe(true);
    expect(String(failure)).toMatch(problem);
  });

  it('gives rules or one clear error, whatever the text', async () => {
    const line = fc.constantFrom(
      '[[registry]]',
      '[[registry.mirror]]',
      'location = "a.example/b"',
      'prefix = "*.a.example"',
      'insecure = true',
      'mirror = 1',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(line).map((lines) => lines.join('\n')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        const outcome = await parseRegistries(given, 'it').catch((error: unknown) => error);
        expect(Array.isArray(outcome) || isOciError(outcome, 'INVALID_OPTION')).toBe(true);
      }),
    );
  });

  it('is looked for where podman looks, later files over earlier ones', async () => {
    const root = await tempFolder();
    const system = join(root, 'etc');
    const places = { environment: {}, home: join(root, 'home'), system };
    const put = async (path: string, location: string, prefix = 'a.example'): Promise<void> => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n`);
    };
    const location = async (more: Partial<typeof places> = {}): Promise<(string | undefined)[]> =>
      (await readRegistries({ ...places, ...more })).map((rule) => rule.location);
    expect(await location()).toEqual([]);
    await put('etc/registries.conf', 'system.example');
    expect(await location()).toEqual(['system.example']);
    await put('home/.config/containers/registries.conf', 'user.example');
    expect(await location()).toEqual(['user.example']);
    await put('etc/registries.conf.d/10-a.conf', 'ten.example', 'b.example');
    await put('etc/registries.conf.d/20-a.conf', 'twenty.example', 'b.example');
    await put('etc/registries.conf.d/30-a.txt', 'text.example', 'b.example');
    await put('home/.config/containers/registries.conf.d/a.conf', 'mine.example', 'c.example');
    expect(await location()).toEqual(['user.example', 'twenty.example', 'mine.example']);
    await put('named.conf', 'named.example');
    const environment = { CONTAINERS_REGISTRIES_CONF: join(root, 'named.conf') };
    expect((await location({ environment }))[0]).toBe('named.example');
    const missing = { CONTAINERS_REGISTRIES_CONF: join(root, 'none.conf') };
    await expect(location({ environment: missing })).rejects.toThrow(/none\.conf cannot be read/);
  });
});

describe('rules', () => {
  const rules: RegistryRule[] = [
    'a.example',
    'a.example/team',
    'a.example/team/app',
    '*.b.example',
    'index.docker.io',
  ].map((prefix) => ({ prefix, location: 'x.example/y' }));

  it.each([
    ['a.example', undefined, 'a.example', undefined],
    ['a.example', 'other', 'a.example', 'y/other'],
    ['a.example', 'team/x', 'a.example/team', 'y/x'],
    ['a.example', 'teams', 'a.example', 'y/teams'],
    ['a.example', 'team/app', 'a.example/team/app', 'y'],
    ['a.example:5000', 'team', undefined, undefined],
    ['deep.in.b.example:5000', 'x', '*.b.example', 'y/x'],
    ['b.example', 'x', undefined, undefined],
    ['docker.io', 'library/x', 'index.docker.io', 'y/library/x'],
    ['A.example', 'x', 'a.example', 'y/x'],
  ])('for %s/%s: %s', (registry, repository, prefix, moved) => {
    const rule = ruleFor(rules, registry, repository);
    expect(rule?.prefix).toBe(prefix);
    if (rule === undefined || repository === undefined) return;
    expect(placeBy(rule, rule.location, { registry, repository })).toEqual({
      registry: 'x.example',
      repository: moved,
    });
  });

  it('tell which hosts are insecure', () => {
    const insecure = insecureBy([
      { prefix: 'a.example', insecure: true },
      { prefix: 'b.example', location: 'c.example/x', insecure: true },
      { prefix: '*.d.example', insecure: true },
      { prefix: 'e.example', mirrors: [{ location: 'f.example:5000', insecure: true }] },
    ]);
    const hosts = [
      'a.example',
      'b.example',
      'c.example',
      'x.d.example',
      'e.example',
      'f.example:5000',
      'f.example',
    ];
    expect(hosts.filter((host) => insecure(host))).toEqual([
      'a.example',
      'c.example',
      'x.d.example',
      'f.example:5000',
    ]);
  });

  it.each([
    ['docker.io', 'index.docker.io'],
    ['docker.io/library/', 'index.docker.io/library'],
    ['Host.Example:5000', 'host.example:5000'],
    ['*.a.example', '*.a.example'],
    ['', undefined],
    ['a b', undefined],
    ['a/B', undefined],
    ['https://a', undefined],
  ])('take %j for %s', (text, prefix) => {
    expect(parsePrefix(text)).toBe(prefix);
  });

  it('are made of maps', () => {
    expect(registryMaps(['docker.io=127.0.0.1:5000;quay.io=m.example/quay', 'docker.io=n.example'])).toEqual([
      { prefix: 'index.docker.io', mirrors: [{ location: '127.0.0.1:5000' }, { location: 'n.example' }] },
      { prefix: 'quay.io', mirrors: [{ location: 'm.example/quay' }] },
    ]);
    for (const text of ['a', 'a=', '=b', 'a=b=c', '*.a=b', 'a=https://b'])
      expect(() => registryMaps([text])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

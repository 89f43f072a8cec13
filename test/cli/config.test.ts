import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serveJsonSchema } from '../../cli/serve-config.js';
import { loadConfig, type LoadedConfig } from '../../cli/serve/load-config.js';
import { listenOptions, registryOptions } from '../../cli/serve/options.js';
import { printConfig } from '../../cli/serve/print-config.js';
import { SETTINGS } from '../../cli/serve/settings.js';
import { tempFolder } from '../helpers/temp.js';

interface Given {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** Loads a configuration; a file is written as `ocilot.yaml` in a folder of its own. */
async function load({ file, env = {}, flags = {} }: Given): Promise<LoadedConfig & { folder: string }> {
  const folder = await tempFolder();
  const path = join(folder, 'ocilot.yaml');
  if (file !== undefined) await writeFile(path, file);
  const input = { env, flags: new Map(Object.entries(flags)), ...(file === undefined ? {} : { file: path }) };
  return { ...loadConfig(input), folder };
}

/** The message of the error that loading ends with, without the folder. */
async function refusal(given: Given): Promise<string> {
  try {
    const { config } = await load(given);
    registryOptions(config);
    listenOptions(config, () => undefined);
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    return (error as Error).message.replace(/\S*\/(?=ocilot\.yaml)/, '');
  }
  throw new Error('it was taken');
}

describe('where settings come from', () => {
  it('a flag wins over the environment, that over the file, that over the default', async () => {
    const { config } = await load({
      file: 'port: 1\nhost: file\nlog: { level: debug, format: json }\ngrace: 1s\n',
      env: { OCILOT_PORT: '2', OCILOT_HOST: 'env', OCILOT_LOG_LEVEL: 'warn' },
      flags: { port: '3', 'log.level': 'error' },
    });
    expect(config).toMatchObject({
      port: 3,
      host: 'env',
      log: { level: 'error', format: 'json' },
      grace: 1000,
      readOnly: false,
      inlineLimit: 512 * 1024,
    });
  });

  it('flags and variables are named after the keys', () => {
    const names = new Map(SETTINGS.map(({ key, flag, variable }) => [key, [flag, variable]]));
    expect(names.get('port')).toEqual(['--port', 'OCILOT_PORT']);
    expect(names.get('access.mode')).toEqual(['--access-mode', 'OCILOT_ACCESS_MODE']);
    expect(names.get('rateLimit.perSecond')).toEqual([
      '--rate-limit-per-second',
      'OCILOT_RATE_LIMIT_PER_SECOND',
    ]);
    expect(names.get('access.rules')).toEqual([undefined, undefined]);
  });

  it('an empty variable, a key without a value and the links of Kubernetes say nothing', async () => {
    const { config, merged } = await load({
      file: 'tls:\nport:\naccess: { htpasswd: }\n',
      env: {
        OCILOT_HOST: '',
        OCILOT_PORT: 'tcp://10.0.0.1:5000',
        OCILOT_SERVICE_HOST: '10.0.0.1',
        OCILOT_PORT_5000_TCP_ADDR: '10.0.0.1',
      },
    });
    expect(config).toMatchObject({ host: '127.0.0.1', port: 5000 });
    expect([...merged.origins]).toEqual([]);
  });

  it('OCILOT_CONFIG names the file', async () => {
    const path = join(await tempFolder(), 'other.yaml');
    await writeFile(path, 'port: 7\n');
    expect(loadConfig({ env: { OCILOT_CONFIG: path }, flags: new Map() }).config.port).toBe(7);
  });

  it('paths in a file start from its folder, others from where we are', async () => {
    const { config, folder } = await load({
      file: 'data: ./registry\nload: [old]\naccess: { htpasswd: users }\n',
      flags: { 'tls.cert': 'cert.pem' },
    });
    expect(config.data).toBe(join(folder, 'registry'));
    expect(config.load).toEqual([join(folder, 'old')]);
    expect(config.access.htpasswd).toBe(join(folder, 'users'));
    expect(config.tls.cert).toBe(join(process.cwd(), 'cert.pem'));
  });

  it('data lies in the data folder of the user', () => {
    const at = (env: Readonly<Record<string, string>>): string =>
      loadConfig({ env, flags: new Map() }).config.data;
    expect(at({ XDG_DATA_HOME: '/data' })).toBe('/data/ocilot');
    expect(at({ XDG_DATA_HOME: 'relative' })).toMatch(/\/\.local\/share\/ocilot$/);
  });

  it('lists are split at commas outside the file', async () => {
    const { config } = await load({ env: { OCILOT_ACCESS_ADMINS: 'alice, bob' } });
    expect(config.access.admins).toEqual(['alice', 'bob']);
  });
});

describe('what is wrong is told in one line', () => {
  const cases: readonly (readonly [string, Given, string])[] = [
    ['a misspelt key', { file: 'prot: 5\n' }, 'ocilot.yaml: unknown key prot (did you mean port?)'],
    [
      'one in a section',
      { file: 'log: { levle: debug }\n' },
      'ocilot.yaml: unknown key log.levle (did you mean log.level?)',
    ],
    [
      'one in a list',
      { file: 'access: { rules: [{ repositorys: a }] }\n' },
      'ocilot.yaml: unknown key access.rules[0].repositorys (did you mean access.rules[0].repositories?)',
    ],
    ['a key that is like no other', { file: 'elephant: 5\n' }, 'ocilot.yaml: unknown key elephant'],
    [
      'a size',
      { file: 'minFree: 3 parsecs\n' },
      'ocilot.yaml: minFree is "3 parsecs": expected a number of bytes such as 512KiB, 10GiB or 1000000',
    ],
    [
      'a quota',
      { file: 'quotas: { team: lots }\n' },
      'ocilot.yaml: quotas.team is "lots": expected a number of bytes such as 512KiB, 10GiB or 1000000',
    ],
    [
      'a duration without a unit',
      { file: 'grace: 30\n' },
      'ocilot.yaml: grace is 30: expected a time with its unit such as 30s, 15m, 1h30m or 7d',
    ],
    [
      'a duration that no timer can wait',
      { env: { OCILOT_COLLECTION_EVERY: '25d' } },
      'OCILOT_COLLECTION_EVERY is "25d": expected no more than 24d',
    ],
    [
      'a word',
      { flags: { blobs: 'leveldbb' } },
      '--blobs is "leveldbb": expected one of auto, leveldb, memory',
    ],
    ['a switch', { flags: { readOnly: 'maybe' } }, '--read-only is "maybe": expected true or false'],
    [
      'a port',
      { env: { OCILOT_PORT: '65536' } },
      'OCILOT_PORT is "65536": expected a whole number from 0 to 65535',
    ],
    [
      'a section that is none',
      { file: 'log: debug\n' },
      'ocilot.yaml: log is "debug": expected a mapping of settings',
    ],
    [
      'a list that is none',
      { file: 'immutableTags: "*"\n' },
      'ocilot.yaml: immutableTags is "*": expected a list of mappings with repository and tag',
    ],
    ['a file that is a list', { file: '- port: 5\n' }, 'ocilot.yaml: expected a mapping of settings'],
    [
      'broken YAML',
      { file: 'port: [5\n' },
      'ocilot.yaml:2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'a key twice',
      { file: 'port: 5\nport: 6\n' },
      'ocilot.yaml:2:1: not valid YAML: Map keys must be unique',
    ],
    [
      'a variable',
      { env: { OCILOT_PROT: '5' } },
      'environment: unknown variable OCILOT_PROT (did you mean OCILOT_PORT?)',
    ],
    [
      'a burst without a rate',
      { flags: { 'rateLimit.burst': '5' } },
      'rateLimit.burst means nothing without rateLimit.perSecond',
    ],
    ['half a certificate', { flags: { 'tls.cert': 'a.pem' } }, 'tls.cert and tls.key go together: give both'],
    [
      'two ways to a certificate',
      { flags: { 'tls.cert': 'a.pem', 'tls.auto': true } },
      'tls.auto makes a certificate: leave out tls.cert and tls.key',
    ],
    [
      'hosts for no certificate',
      { flags: { 'tls.hosts': ['a'] } },
      'tls.hosts means nothing without tls.auto',
    ],
  ];

  it.each(cases)('%s', async (_name, given, message) => {
    expect(await refusal(given)).toBe(message);
  });

  it('a file that is not there', () => {
    expect(() => loadConfig({ env: {}, flags: new Map(), file: '/nowhere.yaml' })).toThrow(
      'cannot read the configuration /nowhere.yaml: there is no such file',
    );
  });
});

describe('--print-config', () => {
  it('tells each value and where it comes from, as a file that means the same', async () => {
    const given: Given = {
      file: 'port: 1\nquotas: { team/a: 10GiB, "": 1TB }\naccess:\n  mode: bearer\n  rules: [{ repositories: "**", pull: ["*"] }]\n',
      env: { OCILOT_GRACE: '90s' },
      flags: { 'log.level': 'debug', load: ['old'] },
    };
    const loaded = await load(given);
    const text = printConfig(loaded);
    expect(text).toContain('\nport: 1 # ' + join(loaded.folder, 'ocilot.yaml') + ': port\n');
    expect(text).toContain('\ngrace: 90s # OCILOT_GRACE\n');
    expect(text).toContain('\n  level: debug # --log-level\n');
    expect(text).toContain('\nminFree: 64MiB # default\n');
    expect(text).toContain('\npublicUrl: # not set\n');
    expect(text).toContain('\n  htpasswd: # not set\n');
    const again = await load({ file: text });
    expect(again.config).toEqual(loaded.config);
  });

  it('hides a password in a URL', async () => {
    const text = printConfig(await load({ flags: { publicUrl: 'https://me:hunter2@registry.example' } }));
    expect(text).not.toContain('hunter2');
    expect(parse(text)).toMatchObject({ publicUrl: 'https://***@registry.example' });
  });
});

describe('--print-schema', () => {
  it('describes every key, with its default', () => {
    const schema = JSON.stringify(serveJsonSchema());
    for (const { key, meaning } of SETTINGS) {
      expect(schema).toContain(JSON.stringify(key.split('.').at(-1)));
      expect(schema).toContain(JSON.stringify(meaning));
    }
    expect(serveJsonSchema()).toMatchObject({
      additionalProperties: false,
      properties: { port: { default: 5000 }, blobs: { enum: ['auto', 'leveldb', 'memory'] } },
    });
  });
});

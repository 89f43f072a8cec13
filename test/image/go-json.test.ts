import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeGo } from '../../image/go-json.js';
import { textOf } from './helpers.js';

const config = (document: Readonly<Record<string, unknown>>): string => textOf(encodeGo(document, 'config'));

describe("documents in the form of Go's encoder", () => {
  it('have their fields in order, maps sorted by bytes, empty fields left out, unknown ones kept behind', () => {
    expect(
      config({
        variant: 'v8',
        'moby.buildkit.cache': { b: 1, a: [null] },
        config: {
          Zone: 'kept',
          WorkingDir: '',
          OnBuild: null,
          Labels: { '9': 'n', '10': 't', '!': 'first', '\u{1f600}': 'last', '\uffff': 'before' },
          Cmd: ['a'],
          Tty: false,
          Volumes: {},
        },
        rootfs: { diff_ids: null, type: 'layers' },
        os: '',
        created: '2024-01-31T12:00:00.120000000Z',
        history: [{ empty_layer: false, created: '2024-01-31T12:00:00.000Z', created_by: 'x' }],
        architecture: '',
      }),
    ).toBe(
      '{"architecture":"","created":"2024-01-31T12:00:00.12Z","history":[{"created":"2024-01-31T12:00:00Z","created_by":"x"}],' +
        '"os":"","rootfs":{"type":"layers","diff_ids":null},"config":{"Cmd":["a"],' +
        '"Labels":{"!":"first","10":"t","9":"n","\uffff":"before","\u{1f600}":"last"},"Zone":"kept"},' +
        '"variant":"v8","moby.buildkit.cache":{"b":1,"a":[null]}}',
    );
  });

  it('escape what HTML and JavaScript would read', () => {
    expect(config({ author: '<a & b>\u2028\u2029"\\\n' })).toBe(
      '{"author":"\\u003ca \\u0026 b\\u003e\\u2028\\u2029\\"\\\\\\n"}',
    );
  });

  it('say what they said, whatever it was', () => {
    const parse = (text: string): unknown => JSON.parse(text);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (extra) => {
        const document = { schemaVersion: 2, layers: [{ size: 1, extra }], annotations: extra, extra };
        const back = parse(textOf(encodeGo(document, 'manifest')));
        const empty = Object.keys(extra).length === 0;
        const { annotations: _, ...without } = document;
        expect(back).toEqual(parse(JSON.stringify(empty ? without : document)));
      }),
    );
  });
});

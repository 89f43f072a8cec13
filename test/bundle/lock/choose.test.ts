import fc from 'fast-check';
import { maxSatisfying } from 'semver';
import { describe, expect, it } from 'vitest';
import { chooseTag, parseRangeReference, parseWantedRange } from '../../../bundle/index.js';
import { chooseFrom } from '../../../bundle/lock/choose.js';
import { startRegistry } from '../../../testing/index.js';
import { HOST, reach } from '../fixtures.js';

const choose = (tags: readonly string[], range: string): string =>
  chooseFrom(tags, 'r/app', [{ range, by: '' }]);

describe('a reference with a range', () => {
  it.each([
    ['localhost:5000/team/app:~1.4', 'localhost:5000', 'team/app', '~1.4'],
    ['nginx:>=1.2 <2', 'index.docker.io', 'library/nginx', '>=1.2 <2'],
    ['r.example/app:^1 || ^3', 'r.example', 'app', '^1 || ^3'],
    ['r.example/app:1.4.*', 'r.example', 'app', '1.4.*'],
    ['r.example/app:*', 'r.example', 'app', '*'],
  ])('%s', (text, registry, repository, range) =>
    expect(parseRangeReference(text)).toEqual({ registry, repository, range }),
  );

  it.each(['app', 'app:1.4', 'app:1.x', 'localhost:5000/app', `app@sha256:${'0'.repeat(64)}`])(
    '%s has none',
    (text) => expect(parseRangeReference(text)).toBeUndefined(),
  );

  it.each(['app:~bad', 'app:>=1 <', 'app:~~'])('%s is refused', (text) =>
    expect(() => parseRangeReference(text)).toThrow(
      expect.objectContaining({
        code: 'REFERENCE_INVALID',
        message: expect.stringMatching(/neither a tag nor a range/),
      }),
    ),
  );
});

describe('the tag that is chosen', () => {
  it.each([
    ['the highest in it', ['1.4.0', '1.4.10', '1.4.9', '1.5.0', 'latest'], '~1.4', '1.4.10'],
    ['not one before a release', ['1.4.0', '1.5.0-rc.1'], '^1', '1.4.0'],
    ['one before a release when the range says so', ['2.0.0-rc.1', '2.0.0-rc.2'], '>=2.0.0-0', '2.0.0-rc.2'],
    ['with a v before it', ['v1.4.0', 'v1.4.2'], '~1.4', 'v1.4.2'],
    ['with few numbers', ['15', '15.4', '16'], '^15', '15.4'],
    ['with all its numbers', ['1.4', '1', '1.4.0'], '<=1.4', '1.4.0'],
    ['without a v, of two', ['v1.4.0', '1.4.0'], '~1.4', '1.4.0'],
    ['as Helm writes builds', ['1.4.0_b1', '1.3.0'], '~1.4', '1.4.0_b1'],
    ['without a suffix', ['1.4.9-alpine', '1.4.2'], '~1.4', '1.4.2'],
  ])('is %s', (_, tags, range, tag) => {
    expect(choose(tags, range)).toBe(tag);
    expect(choose(tags.toReversed(), range)).toBe(tag);
  });

  it('names what is there when nothing is in it', () =>
    expect(() => choose(['1.3.0', '2.0.0', 'x'], '~1.4')).toThrow(
      'r/app has no tag in "~1.4": there are 2.0.0, 1.3.0',
    ));

  it('says when no tag is a version', () =>
    expect(() => choose(['latest'], '*')).toThrow(
      'r/app has no tag in "*": it has no tags that are versions',
    ));

  it('is what npm would take, of whole versions', () => {
    const version = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(20)).map((numbers) => numbers.join('.'));
    const range = fc.tuple(fc.constantFrom('~', '^', '>=', '<', ''), version).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(version, { minLength: 1 }), range, (versions, text) => {
        const expected = maxSatisfying(versions, text);
        if (expected === null) expect(() => choose(versions, text)).toThrow(/has no tag/);
        else expect(choose(versions, text)).toBe(expected);
      }),
    );
  });
});

describe('with a registry', () => {
  it('its tags are asked for, all pages', async () => {
    const image = { files: { a: 'a' } };
    const tags = Object.fromEntries(Array.from({ length: 120 }, (_, patch) => [`1.4.${patch}`, image]));
    await using registry = await startRegistry({ socket: false, seed: { app: tags } });
    const open = reach(registry);
    expect(await chooseTag(open({ registry: HOST, repository: 'app' }), '~1.4.5')).toBe('1.4.119');
    expect(await parseWantedRange(open, `${HOST}/app:<1.4.7`)).toEqual({
      registry: HOST,
      repository: 'app',
      tag: '1.4.6',
    });
  });

  it('a repository that is not there has no versions', async () => {
    await using registry = await startRegistry({ socket: false });
    await expect(parseWantedRange(reach(registry), `${HOST}/none:~1`)).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringMatching(/none has no tag in "~1": it has no tags that are versions/),
    });
  });
});

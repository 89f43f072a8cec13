import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OciError, isOciError } from '../../oci/errors.js';

describe('OciError', () => {
  it('is an Error with a code, a detail and a cause', () => {
    const cause = new Error('below');
    const error = new OciError('BLOB_UNKNOWN', 'no such blob', { detail: { digest: 'x' }, cause });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.message]).toEqual(['OciError', 'BLOB_UNKNOWN', 'no such blob']);
    expect(error.detail).toEqual({ digest: 'x' });
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe('OciError: no such blob');
  });

  it('has no cause when none is given', () => {
    const error = new OciError('UNKNOWN', 'x');
    expect('cause' in error).toBe(false);
    expect(error.detail).toBeUndefined();
  });

  it('does not show its brand', () => {
    const error = new OciError('UNKNOWN', 'x');
    expect(Object.getOwnPropertySymbols(Object.assign({}, error))).toEqual([]);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ name: 'OciError', code: 'UNKNOWN' });
  });
});

describe('isOciError', () => {
  it('knows the class, and the code when asked for one', () => {
    const error: unknown = new OciError('DENIED', 'x');
    expect(isOciError(error)).toBe(true);
    expect(isOciError(error, 'DENIED')).toBe(true);
    expect(isOciError(error, 'UNKNOWN')).toBe(false);
  });

  it('knows an error of another copy of this package', () => {
    const brand = Symbol.for('ocilot.OciError');
    const foreign = Object.assign(new Error('x'), { code: 'DENIED', [brand]: true });
    expect(isOciError(foreign, 'DENIED')).toBe(true);
    expect(foreign).not.toBeInstanceOf(OciError);
  });

  it('is false of everything else', () => {
    const similar = Object.assign(new Error('x'), { name: 'OciError', code: 'DENIED' });
    expect(isOciError(similar)).toBe(false);
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(isOciError(value)).toBe(false);
      }),
    );
  });
});

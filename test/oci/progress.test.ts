import { describe, expect, expectTypeOf, it } from 'vitest';
import { describe as descriptorOf } from '../../oci/descriptor.js';
import type { OnProgress, Progress } from '../../oci/progress.js';

const descriptor = descriptorOf('text/plain', Buffer.from('abc'));

describe('Progress', () => {
  it('can be followed by its type alone', () => {
    let [total, sent] = [0, 0];
    const listen: OnProgress = (event) => {
      if (event.type === 'planned') total = event.bytes;
      else if (event.type === 'skipped') sent += event.descriptor.size;
      else if (event.type === 'bytes') sent = event.sent;
    };
    const events: readonly Progress[] = [
      { type: 'planned', blobs: 1, bytes: 3 },
      { type: 'started', descriptor },
      { type: 'bytes', descriptor, sent: 2 },
      { type: 'bytes', descriptor, sent: 0 },
      { type: 'bytes', descriptor, sent: 3 },
      { type: 'done', descriptor },
    ];
    events.forEach(listen);
    expect([total, sent]).toEqual([3, 3]);
  });

  it('has a closed set of events', () => {
    expectTypeOf<Progress['type']>().toEqualTypeOf<'planned' | 'started' | 'done' | 'skipped' | 'bytes'>();
    expectTypeOf<ReturnType<OnProgress>>().toEqualTypeOf<void>();
  });
});

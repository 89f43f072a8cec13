import type { TestCase } from '../test-case.js';
import { accessTests } from './access.js';
import { rangeTests } from './blob-ranges.js';
import { blobTests } from './blobs.js';
import { catalogTests } from './catalog.js';
import { concurrencyTests } from './concurrency.js';
import { conditionTests } from './conditions.js';
import { deleteTests } from './deletes.js';
import { digestAlgorithmTests } from './digest-algorithm.js';
import { sha512Tests } from './digests512.js';
import { errorTests } from './errors.js';
import { indexTests } from './indexes.js';
import { manifestValidationTests } from './manifest-validation.js';
import { manifestTests } from './manifests.js';
import { mountEdgeTests, mountTests } from './mounts.js';
import { nameTests } from './names.js';
import { negotiationTests } from './negotiation.js';
import { pingTests } from './ping.js';
import { referrerTests } from './referrers.js';
import { resumeTests } from './resume.js';
import { sessionTests } from './sessions.js';
import { tagParameterEdgeTests, tagParameterTests } from './tag-parameter.js';
import { tagTests } from './tags.js';
import { uploadTests } from './uploads.js';

/** Every test, in the order they run. */
export const ALL_TESTS: readonly TestCase[] = [
  ...pingTests,
  ...blobTests,
  ...rangeTests,
  ...uploadTests('sha256'),
  ...sessionTests,
  ...resumeTests,
  ...digestAlgorithmTests,
  ...mountTests('sha256'),
  ...mountEdgeTests,
  ...manifestTests,
  ...indexTests,
  ...manifestValidationTests,
  ...tagParameterTests('sha256'),
  ...tagParameterEdgeTests,
  ...negotiationTests,
  ...tagTests,
  ...referrerTests,
  ...deleteTests,
  ...conditionTests,
  ...nameTests,
  ...errorTests,
  ...catalogTests,
  ...sha512Tests,
  ...concurrencyTests,
  ...accessTests,
];

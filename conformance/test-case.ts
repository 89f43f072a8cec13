import type { Content } from './content.js';
import type { Http } from './http.js';

/** `dev` adds what is merged but not released; `strict` adds SHOULDs, and what no other suite tests. */
export type Profile = 'stable' | 'dev' | 'strict';

/** What a test works with. Repositories and content are its own: no other test or run has them. */
export interface TestContext {
  readonly http: Http;
  /** The same registry without credentials; there when the run has some. */
  readonly anonymous?: Http;
  readonly content: Content;
  /** A repository that does not exist yet. */
  readonly repository: string;
}

/** One requirement. */
export interface TestCase {
  /** Stable, as `blob.chunked.out-of-order`. */
  readonly id: string;
  readonly title: string;
  /** Heading of the spec and number of the endpoint. */
  readonly section: string;
  readonly level: 'must' | 'should' | 'may';
  /** First profile that has it; `stable` when left out. */
  readonly profile?: Profile;
  /** Only in runs with (`true`) or without (`false`) sparse manifests; left out: in both. */
  readonly sparse?: boolean;
  /** Only in runs that have credentials. */
  readonly credentials?: boolean;
  /** Only on a wire over sockets. */
  readonly isSocket?: boolean;
  /** Returns when the requirement is met; throws `Failure` or `Skip` otherwise. */
  run(context: TestContext): Promise<void>;
}

/** Headings of the distribution spec, with the numbers of its table of endpoints. */
export const SECTIONS = {
  support: 'Determining Support (end-1)',
  pullBlob: 'Pulling blobs (end-2)',
  blobRange: 'Pulling blobs: Range requests (end-2)',
  exists: 'Checking if content exists in the registry (end-2, end-3)',
  pullManifest: 'Pulling manifests (end-3)',
  postPut: 'POST then PUT (end-4a, end-6)',
  singlePost: 'Single POST (end-4b)',
  chunks: 'Pushing a blob in chunks (end-5)',
  status: 'Pushing a blob in chunks (end-13)',
  cancel: 'Cancel a blob upload (end-14)',
  mount: 'Mounting a blob from another repository (end-11)',
  pushManifest: 'Pushing Manifests (end-7)',
  pushSubject: 'Pushing Manifests with Subject (end-7)',
  tags: 'Listing Tags (end-8a)',
  tagPages: 'Listing Tags (end-8b)',
  referrers: 'Listing Referrers (end-12a)',
  referrersFilter: 'Listing Referrers (end-12b)',
  deleteTag: 'Deleting tags (end-9)',
  deleteManifest: 'Deleting Manifests (end-9)',
  deleteBlob: 'Deleting Blobs (end-10)',
  errors: 'Error Codes',
  proxying: 'Registry Proxying',
  deduplication: 'Layer Upload De-duplication',
  catalog: 'Docker Registry HTTP API V2, Listing Repositories',
  http: 'RFC 9110',
} as const;

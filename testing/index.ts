export { startRegistry, type TestRegistry } from './start.js';
export type { StartOptions } from './options.js';
export type { SeedContent, SeedEntry, SeedFolder, Seeded, SeededEntry } from './seed.js';
export type { LoadOptions, Loaded, SeedFrom } from './seed-media.js';
export {
  randomImage,
  randomIndex,
  type RandomImageOptions,
  type RandomIndexOptions,
} from './content/random.js';
export {
  describedArtifact,
  describedImage,
  describedIndex,
  type ArtifactDescription,
  type BlobDescription,
  type ImageDescription,
  type IndexDescription,
} from './content/described.js';
export type { Content, ImageContent, IndexContent, Item, Subject } from './content/content.js';
export type { FileEntry, Files } from './content/tar.js';
export { seededBytes, type RandomSeed } from './content/seeded.js';
export {
  recordingRegistry,
  replayRegistry,
  type RecordOptions,
  type ReplayOptions,
} from './recording/index.js';
export { TestClock, type Clock } from './clock.js';
export type {
  BitFlipFault,
  ExpiredTokenFault,
  Fault,
  ForeignLocationFault,
  LatencyFault,
  LostUploadFault,
  MissingHeaderFault,
  RedirectFault,
  ResetFault,
  StallFault,
  StatusFault,
  ThroughputFault,
  TruncateFault,
  WrongDigestFault,
} from './faults/fault.js';
export type { Profile } from './profiles.js';
export type { RateLimitOptions } from './switches.js';
export type { MemorySnapshot } from '../registry/index.js';
export type { FaultControl, FaultRule } from './faults/rules.js';
export type { LoggedRequest, RequestFilter, RequestLog } from './requests/log.js';
export type { RequestMatch } from './requests/match.js';
export type { Operation, RequestFacts } from './requests/operations.js';
export { matchers, type Elsewhere, type ReferrerMatch } from './matchers/matchers.js';
export type { RegistryAssertions } from './matchers/assertions.js';
export type { Verdict } from './matchers/verdict.js';
export {
  globalRegistry,
  shareRegistry,
  sharedRegistry,
  type SharedRegistry,
  type SharedSetup,
} from './shared.js';
export { OciError, isOciError, type ErrorCode } from '../oci/index.js';

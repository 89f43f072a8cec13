export { createRegistry, type Registry } from './registry.js';
export { createArchiveRegistry, type ArchiveRegistryOptions } from './from-archive.js';
export { placeRoots, repositoryOfFile, type PlacedRoot } from './from-archive-names.js';
export { listen, type ListenOptions, type Server } from './node.js';
export type { TlsAuthority, TlsAuto, TlsFiles, TlsOptions } from './tls.js';
export type { ImmutableTags, RegistryOptions, RequestEntry } from './options.js';
export {
  OPEN_ACCESS,
  type Access,
  type Action,
  type Failure,
  type Grant,
  type Principal,
  type TokenAnswer,
  type Wanted,
} from './access/access.js';
export { Challenge, authorize, type Caller } from './access/authorize.js';
export { addUser, removeUser } from './access/edit-users.js';
export type { AccessOptions } from './access/options.js';
export type { AccessRule } from './access/rules.js';
export type { StorageOptions } from './storage/open.js';
export type { MemorySnapshot } from './storage/memory.js';
export { listenControl, type Control } from './operations/control-server.js';
export type { Usage } from './operations/usage.js';
export type { CollectOptions, CollectReport } from './storage/collect.js';
export { OciError, isOciError, type ErrorCode } from '../oci/index.js';
export { backup, type BackupOptions, type BackupReport } from './storage/backup.js';
export { scrub, type Damage, type ScrubOptions, type ScrubReport } from './storage/scrub.js';
export {
  importDockerRegistry,
  isDockerRegistry,
  type ImportOptions,
  type ImportReport,
} from './storage/import-docker.js';
export { openStore } from './storage/open.js';
export { storeSink, storeSource } from './store-media.js';
export { Store } from './storage/store.js';

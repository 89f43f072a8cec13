export type { ArchiveInput } from './bytes.js';
export type { ArchiveTarget } from './output.js';
export { openArchive, openDockerArchive, openImgpkgArchive, type ArchiveSource } from './open.js';
export { openLayoutArchive } from './layout-archive.js';
export { createLayoutArchive, type LayoutArchiveOptions } from './layout-sink.js';
export { createDockerArchive, type DockerArchiveOptions } from './docker-sink.js';
export type { DockerNameOptions } from './docker-names.js';
export type { ImgpkgArchive, ImgpkgEntry } from './imgpkg-source.js';
export { verifyArchive, type ArchiveProblem, type ArchiveReport } from './verify.js';

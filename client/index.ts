export { createClient, type Client, type ClientOptions } from './client.js';
export {
  fold,
  type Driver,
  type RequestBody,
  type RequestContext,
  type Transport,
  type TransportLayer,
  type TransportRequest,
  type TransportResponse,
} from './transport.js';
export { fetchDriver, type Fetch } from './drivers/fetch-driver.js';
export { registryFetch, type RegistryFetch } from './registry-fetch.js';
export { undiciDriver, type UndiciOptions } from './drivers/undici.js';
export type { TlsTrust, TrustByHost } from './drivers/tls-trust.js';
export { certificateFolders, hostCertificates } from './drivers/host-certificates.js';
export { auth, type AuthOptions } from './layers/auth.js';
export { exchangeToken, type ExchangeOptions } from './auth/exchange.js';
export type { Token } from './auth/token-request.js';
export { httpHeaders } from './layers/http-headers.js';
export { limit, type LimitOptions } from './layers/limit.js';
export { log, type LogEntry, type LogOptions } from './layers/log.js';
export { mirrors, type MirrorOptions } from './layers/mirrors.js';
export { redirect } from './layers/redirect.js';
export { retry, type RetryEvent, type RetryOptions } from './layers/retry.js';
export { scheme } from './layers/scheme.js';
export { stall, type StallOptions, type Timer } from './layers/stall.js';
export { userAgent } from './layers/user-agent.js';
export { warnings, type Warnings } from './layers/warnings.js';
export type { Hosts, PlainHttpOptions } from './plain-http.js';
export { networkReason, type NetworkDetail, type NetworkReason } from './network-errors.js';
export { responseDetail, responseError, type ResponseDetail, type WireError } from './errors.js';
export { registryMaps, type Mirror, type RegistryRule } from './registries/rules.js';
export { parseRegistries, readRegistries, type RegistriesPlaces } from './registries/registries-conf.js';
export { dockerHeaders } from './docker-headers.js';
export { redactHeader, redactUrl } from './redact.js';
export {
  anonymous,
  chain,
  describeCredentials,
  explain,
  staticKeychain,
  type Credentials,
  type Explanation,
  type Finding,
  type Keychain,
  type ResolveOptions,
  type Target,
} from './credentials/keychain.js';
export { fileKeychain, textKeychain } from './credentials/file-keychain.js';
export { imgpkgEnvironment } from './credentials/imgpkg-environment.js';
export { githubKeychain } from './credentials/github.js';
export { authFilePaths, defaultKeychain, type KeychainOptions } from './credentials/default-keychain.js';
export { dockerConfigPath, type Places } from './credentials/docker-config-path.js';
export { KEYCHAIN_NAMES, activeKeychains, chainFor, type KeychainName } from './credentials/chain-for.js';
export { cloudKeychain } from './credentials/cloud/cloud-keychain.js';
export type { CloudOptions } from './credentials/cloud/calls.js';
export { cloudOf, type CloudName } from './credentials/cloud/hosts.js';
export { kubernetesKeychain, type KubernetesOptions } from './credentials/kubernetes.js';
export { login, logout, type LoginOptions, type LoginOutcome } from './credentials/login.js';
export {
  RemoteRepository,
  type GetBlobOptions,
  type PutAnswer,
  type PutOptions,
  type ReadOptions,
  type ReferrersOptions,
  type RemoteManifest,
} from './remote/repository.js';
export { catalog } from './remote/catalog.js';
export type { ListOptions } from './remote/pages.js';
export { Uploads, type Piece, type UploadState } from './remote/uploads.js';
export { remoteSource, type RemoteSourceOptions } from './remote/source.js';
export { remoteSink, type RemoteSinkOptions } from './remote/sink.js';
export {
  journalFolder,
  openJournal,
  type Journal,
  type JournalOptions,
  type UploadKey,
  type UploadPage,
} from './journal/journal.js';

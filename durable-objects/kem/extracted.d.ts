/** What scripts/kem takes out of @oqs/liboqs-js before a bundle is made. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*/dist/kem/glue.js" {
  const factory: import("../../shared/kem/liboqs/module.ts").LiboqsFactory;
  export default factory;
}

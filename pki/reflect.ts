/**
 * @peculiar/x509 uses a small injection container that insists on `Reflect.getMetadata`, though nothing it does here
 * depends on what that returns. Imported before it, this stands in for the whole `reflect-metadata` package.
 */
for (const name of ["getMetadata", "getOwnMetadata", "defineMetadata"]) {
  if (!Reflect.has(Reflect, name)) Reflect.set(Reflect, name, () => undefined);
}

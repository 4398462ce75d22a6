# syntax=docker/dockerfile:1
# The gateway alone, as it runs in production. tools/production-tree.long.test.ts runs these steps by hand.

FROM node:26.10.0-bookworm-slim AS tree
WORKDIR /app
# The lock file names every workspace; npm wants to see each.
COPY package.json package-lock.json ./
COPY contract/package.json contract/
COPY gateway/package.json gateway/
COPY cli/package.json cli/
COPY twin/package.json twin/
COPY bench/package.json bench/
# Optional ones carry Node itself, which is here.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --workspace @tollgate/gateway
COPY contract/src contract/src
COPY gateway/data gateway/data
COPY gateway/src gateway/src
RUN rm -rf cli twin bench && find contract/src gateway/src -name '*.test.ts' -delete

FROM node:26.10.0-bookworm-slim
ENV NODE_ENV=production TOLLGATE_DATA=/data
WORKDIR /app
# Sources belong to root: the user that runs them cannot change them. The root file system may be read-only.
COPY --from=tree /app ./
RUN mkdir /data && chown node:node /data
VOLUME /data
# `node`, by its number: a cluster that runs nothing as root looks at the number, and cannot look names up.
USER 1000:1000
EXPOSE 8080 8081
# The gateway drains: it takes as long as `listen.drainTimeout` says, so give it more before it is killed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.TOLLGATE_PORT || 8080}/healthz`).then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "gateway/src/main.ts"]

# One image for every process; the command chooses which.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN install -d -o node -g node -m 0700 /var/lib/mcpgw
USER node
ENV NODE_ENV=production MCPGW_ENV=production MCPGW_DATA_DIR=/var/lib/mcpgw
VOLUME /var/lib/mcpgw
ENTRYPOINT ["node"]
CMD ["dist/control-plane/main.js", "all"]

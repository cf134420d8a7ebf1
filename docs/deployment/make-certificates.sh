#!/bin/sh
# Makes a private certificate authority and the control plane's certificate in /certificates, once.
set -eu
cd "${1:-/certificates}"
[ -f control-plane.crt ] && exit 0
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
  -subj "/CN=MCP gateway private CA" -keyout ca.key -out ca.crt \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
  -subj "/CN=control-plane" -keyout control-plane.key -out control-plane.csr
printf 'subjectAltName=DNS:control-plane,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > extensions
openssl x509 -req -in control-plane.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
  -extfile extensions -out control-plane.crt
rm -f control-plane.csr extensions
# The processes run as the image's unprivileged user (uid 1000).
chmod 644 ca.crt control-plane.crt
chown 1000:1000 control-plane.key 2>/dev/null || true

-- Deliveries of a push for wrk: each with an id and a body of its own, signed as GitHub does.
-- Arguments: the secret, a path of a file with the body up to its changing part, the number of triggers.

local ffi = require("ffi")

ffi.cdef[[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *data, size_t data_len,
                    unsigned char *out, unsigned int *out_len);
]]

local crypto = ffi.load("libcrypto.so.3")
local digest = ffi.new("unsigned char[32]")
local hexadecimal = {}
for byte = 0, 255 do hexadecimal[byte] = string.format("%02x", byte) end

local secret, text, triggers, run, number

function init(arguments)
  secret, triggers, run = arguments[1], tonumber(arguments[3]), arguments[4]
  local file = assert(io.open(arguments[2], "rb"))
  text = file:read("*a")
  file:close()
  number = 0
end

local function signature(body)
  crypto.HMAC(crypto.EVP_sha256(), secret, #secret, body, #body, digest, nil)
  local parts = {}
  for index = 0, 31 do parts[index + 1] = hexadecimal[digest[index]] end
  return "sha256=" .. table.concat(parts)
end

function request()
  number = number + 1
  local id = run .. "-" .. number
  local body = text .. '"' .. id .. '"}'
  local headers = {
    ["Content-Type"] = "application/json",
    ["X-GitHub-Event"] = "push",
    ["X-GitHub-Delivery"] = id,
    ["X-Hub-Signature-256"] = signature(body),
  }
  return wrk.format("POST", "/webhook/trigger-" .. (number % triggers), headers, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p99": %.6f, "wrong": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

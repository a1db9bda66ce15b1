#include "data/energon/sqlite.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include "core/file.h"

namespace dfm::data {
namespace {

[[noreturn]] void fail(sqlite3* database, const std::string& path) {
  const int code = database == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(database);
  const std::string message =
      fmt::format("{}: {}", path, database == nullptr ? "out of memory" : sqlite3_errmsg(database));
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      throw SqliteConflict(ExitCode::data, message);
    case SQLITE_FULL:
      throw storage_error(message,
                          "free some space there, or, while indices are sorted, in the folder for temporary "
                          "files: TMPDIR names another one, else it is /var/tmp");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
      throw storage_error(message);
    default:
      throw data_error(message, "if the file is damaged, make it again: dfm_index FOLDER");
  }
}

void check(int code, sqlite3* database, const std::string& path) {
  if (code != SQLITE_OK) fail(database, path);
}

// Nobody asks SQLite how much memory it uses, and counting takes a lock an allocation.
void stop_counting_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(once);  // too late where another library has begun with SQLite: then it counts on
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::bind(int parameter, std::uint64_t value) {
  check(sqlite3_bind_int64(statement_.get(), parameter, static_cast<sqlite3_int64>(value)),
        sqlite3_db_handle(statement_.get()), path_);
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::string_view text) {
  check(sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(), text.size(),
                            SQLITE_STATIC, SQLITE_UTF8),
        sqlite3_db_handle(statement_.get()), path_);
  return *this;
}

void SqliteStatement::run() {
  while (next()) {
  }
}

bool SqliteStatement::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(statement_.get()), path_);
  sqlite3_reset(statement_.get());
  return false;
}

std::uint64_t SqliteStatement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view SqliteStatement::text(int column) const {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(bytes,
                                static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

void SqliteDatabase::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

SqliteDatabase SqliteDatabase::open(const std::filesystem::path& path, int flags) {
  stop_counting_memory();
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, "unix-none");
  SqliteDatabase database(handle, path.native());
  check(code, handle, database.path_);
  return database;
}

SqliteDatabase SqliteDatabase::create(const std::filesystem::path& path) {
  remove_file(path);
  return open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

SqliteDatabase SqliteDatabase::open_to_read(const std::filesystem::path& path) {
  return open(path, SQLITE_OPEN_READONLY);
}

void SqliteDatabase::execute(const std::string& sql) {
  check(sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr), database_.get(), path_);
}

SqliteStatement SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr),
        database_.get(), path_);
  return {statement, path_};
}

void SqliteDatabase::close() {
  check(sqlite3_close(database_.get()), database_.get(), path_);
  static_cast<void>(database_.release());
}

}  // namespace dfm::data
